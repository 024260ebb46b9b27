"""The partitions of RecEraser against the authors' program: its balanced ones, as coded and as meant, and random ones."""

from __future__ import annotations

from recsys_cli.unlearning.balanced import View, balanced_shards
from recsys_cli.unlearning.partition import random_shards
from tests.golden.golden import Golden

CENTROIDS = ("proper", "as_coded")


def check_balanced(golden: Golden, centroids: str) -> None:
    users, items = golden.given("data/train_pairs").T
    P, Q = golden.given("data/user_vectors"), golden.given("data/item_vectors_with_padding_row")[:-1]
    cases = {
        "UBP_user": ([View(P)], "users"),
        "IBP_item": ([View(Q)], "items"),
        "InBP_interaction": ([View(P, users), View(Q, items)], "interactions"),
    }
    for name, (views, what) in cases.items():
        first, full = golden.given(f"data/initial_centre_{what}"), golden.hyper[f"max_{what}"]
        for rounds in golden.hyper["rounds"]:
            found = balanced_shards(views, first, full, rounds, scalar=centroids == "as_coded")
            golden.check(f"{centroids}/{name}_shard_T{rounds}", found)


def test_partitions_are_the_authors():
    golden = Golden("partition")
    for centroids in CENTROIDS:
        check_balanced(golden, centroids)
    golden.check(
        "as_coded/random_interaction_shard", random_shards(golden.given("data/random_permutation"), golden.hyper["k"])
    )
    golden.check_nothing_is_left()
