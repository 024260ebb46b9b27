"""What is held out, what is left out of the ranking, and the names of the results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.evaluation.sampled import WARNING
from tests.evaluation.cases import table
from tests.tiny import csr

# Scores fall with the id. User 0: train 0, validation 1, test 4, cart 0 and 2. User 1: cart 3, test 3.
SCORES = np.array([[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]], np.float32)


def mask(*rows):
    out = np.zeros((2, 6), bool)
    for user, items in enumerate(rows):
        out[user, items] = True
    return csr(out)


DATA = Dataset(
    "toy", 2, 6, "buy", {"cart": mask([0, 2], [3]), "buy": mask([0], [])}, valid=mask([1], []), test=mask([4], [3])
)


def reciprocal_ranks(split="test", dataset=DATA, **options):
    result = evaluate(table(SCORES), dataset, split, k=[6], metrics=["MRR"], **options)
    return [round(1 / v) for v in result.per_user["MRR@6"]]


def test_what_is_left_out_of_the_ranking():
    assert reciprocal_ranks() == [3, 4]
    assert reciprocal_ranks(exclude="train") == [4, 4]
    assert reciprocal_ranks("valid") == [1]  # neither validation nor test items are left out


def test_auxiliary_behaviours_can_be_left_out():
    result = evaluate(table(SCORES), DATA, "test", k=[6], metrics=["MRR", "HR"], exclude_auxiliary=True)
    assert result.users.tolist() == [0] and result.n_pairs == 1 and result.n_left_out == 1
    assert result.per_user["MRR@6"].tolist() == [1 / 2]  # of 0 .. 5, items 3, 4, 5 remain
    only_cart = replace(DATA, test=mask([], [3]))
    with pytest.raises(UserError, match="data=toy: every test pair is in an auxiliary"):
        evaluate(table(SCORES), only_cart, "test", k=[6], exclude_auxiliary=True)
    only_target = replace(DATA, train={"buy": DATA.train["buy"]})
    with pytest.raises(UserError, match="data=toy has no behaviour besides the target 'buy'"):
        evaluate(table(SCORES), only_target, "test", k=[6], exclude_auxiliary=True)


def test_means_and_spread():
    result = evaluate(table(SCORES), DATA, "test", k=[3, 2], metrics=["HR"], beyond_accuracy=True)
    assert result.means["HR@3"] == 0.5 and result.means["HR@2"] == 0
    assert result.means["Coverage@2"] == 4 / 6  # items 2, 3 and items 0, 1
    assert {"Gini@2", "Gini@3", "Coverage@3"} < result.means.keys()
    assert list(result.per_user) == ["HR@3", "HR@2"]
    assert result.warning is None and result.seconds > 0


def test_sampled_with_given_negatives():
    dataset = replace(DATA, test_negatives=np.array([[3, 5, 4], [0, 1, 5]]))
    result = evaluate(table(SCORES), dataset, "test", k=[2], metrics=["HR", "MRR"], protocol="sampled")
    assert result.per_user["sampled-HR@2"].tolist() == [1, 0]
    assert result.per_user["sampled-MRR@2"].tolist() == [0.5, 0]
    assert result.warning is WARNING
    dataset = replace(dataset, train={"cart": mask([4], [0, 2]), "buy": mask([0], [])})
    kept = evaluate(table(SCORES), dataset, "test", k=[2], metrics=["MRR"], protocol="sampled", exclude_auxiliary=True)
    assert kept.users.tolist() == [1]
    assert kept.means["sampled-MRR@2"] == 0.5  # 1, 3, 5: item 0 is in the cart


def test_sampled_with_drawn_negatives():
    scores = np.arange(300, dtype=np.float32)[None, ::-1].copy()
    held_out, train = np.zeros((1, 300), bool), np.zeros((1, 300), bool)
    held_out[0, 299], train[0, 0] = True, True
    dataset = Dataset("toy", 1, 300, "buy", {"buy": csr(train)}, test=csr(held_out), valid=csr(held_out))
    options = {"k": [99, 100], "metrics": ["HR"], "protocol": "sampled", "exclude": "train", "seed": 3}
    result = evaluate(table(scores), dataset, "test", **options)
    assert result.means == {"sampled-HR@99": 0, "sampled-HR@100": 1}  # the worst of 1 + 99


@pytest.mark.parametrize("split", ["valid", "test"])
def test_empty_splits_are_refused(split):
    for nothing in (None, mask([], [])):
        with pytest.raises(UserError, match=f"data=toy has no {split} pairs"):
            evaluate(table(SCORES), replace(DATA, **{split: nothing}), split, k=[2])


def test_overlap_names_data_and_split():
    with pytest.raises(UserError, match="data=toy, split test: 1 of 1 held-out pairs"):
        evaluate(table(SCORES), replace(DATA, test=mask([1], [])), "test", k=[2])


def test_cutoffs_beyond_the_items_are_refused():
    with pytest.raises(UserError, match="cut-off 7"):
        evaluate(table(SCORES), DATA, "test", k=[7])


def test_some_users_stand_for_all_by_the_same_ranks_for_every_seed():
    generator = np.random.default_rng(0)
    shape, scores = (60, 30), generator.normal(size=(60, 30)).astype(np.float32)
    parts = generator.choice(4, size=shape, p=[0.7, 0.1, 0.1, 0.1])
    train, valid, test = (csr(parts == part) for part in (1, 2, 3))
    data = Dataset("many", 60, 30, "buy", {"cart": csr(parts > 1), "buy": train}, valid=valid, test=test)
    options = {"k": [5], "metrics": ["NDCG", "MRR"]}
    whole = evaluate(table(scores), data, "test", **options)
    some = [evaluate(table(scores), data, "test", users=20, seed=seed, **options) for seed in (0, 1)]
    assert len(some[0].users) == 20 and some[0].drawn_from == len(whole.users) and whole.drawn_from is None
    assert np.array_equal(some[0].users, some[1].users)
    of_all = dict(zip(whole.users, whole.per_user["NDCG@5"]))
    assert some[0].per_user["NDCG@5"].tolist() == [of_all[user] for user in some[0].users]
    assert evaluate(table(scores), data, "test", users=60, **options).means == whole.means
    given = replace(data, test_negatives=generator.integers(0, 30, (test.nnz, 9)))
    lists = [evaluate(table(scores), given, "test", users=u, protocol="sampled", **options) for u in (None, 20)]
    of_all = dict(zip(lists[0].users, lists[0].per_user["sampled-MRR@5"]))
    assert lists[1].per_user["sampled-MRR@5"].tolist() == [of_all[user] for user in lists[1].users]
