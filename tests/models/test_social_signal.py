"""Friends help by what the data put into them: EATNN against ENMF, and against itself with friends of others."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from data_prep.events import Raw
from data_prep.options import read_options
from data_prep.prepare import to_arrays
from data_prep.splits import split
from data_prep.synthetic import BUY_TASTE, _World, generate
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.training.build import build_learner, build_model
from tests.tiny import likeness_of_friends

OPTIONS = {
    "name": "social", "source": "synthetic", "behaviours": ["buy"], "split": "leave_one_out", "users": 500, "items": 300,
    "interactions": 1500, "social": 0.9,
}  # fmt: skip


def raw(**changes) -> Raw:
    options = read_options({**OPTIONS, **changes})
    return split(generate(options), options)


@cache
def circles() -> Dataset:
    """Two choices to learn from for most users, nearly all of them by circles of twenty friends."""
    arrays, found = to_arrays(raw()), raw()

    def csr(name: str, n_cols: int) -> CSR:
        return CSR(arrays[f"{name}.indptr"], arrays[f"{name}.indices"], n_cols)

    sizes = found.n_users, found.n_items
    train = {"buy": csr("train.buy", found.n_items)}
    return Dataset("circles", *sizes, "buy", train, test=csr("test", sizes[1]), friends=csr("friends", sizes[0]))


def best(model: str, data: Dataset, *words: str, epochs: int = 30) -> float:
    """HR@10 on the test part, of the best of every tenth epoch."""
    given = [f"model={model}", "~tuned", "model.embedding_size=32", "model.dropout=0.5", *words]
    config, found = compose("train", given, library(""), quick=True), []
    trained = build_model(config.model, data, 0)
    learner = build_learner(config, trained)
    for epoch in range(epochs):
        learner.run(0, learner.begin(epoch), 0.0)
        if epoch % 10 == 9:
            result = evaluate(trained.scorer(), data, "test", k=[10], metrics=["HR"])
            found.append(result.per_user["HR@10"].mean())
    return max(found)


@pytest.mark.slow
def test_friends_who_choose_alike_help_and_friends_of_others_do_not():
    data = circles()
    order = np.random.default_rng(0).permutation(data.n_users)
    others = CSR.from_pairs(order[data.friends.rows], order[data.friends.indices], data.n_users, data.n_users)
    without, with_friends = best("enmf", data, epochs=60), best("eatnn", data, "model.social_weight=1")
    assert with_friends > 1.2 * without
    assert best("eatnn", replace(data, friends=others), "model.social_weight=1") < without


def test_the_circles_are_what_was_asked_for():
    found = raw(users=100, interactions=600)
    assert likeness_of_friends(found, 100, 300) > 2


def test_without_circles_nothing_is_drawn_for_them():
    """Buys and friends are those of the world itself; circles have a stream of their own."""
    plain, world = raw(social=0.0), _World(500, 300, 0)
    friends = world.friends()
    np.testing.assert_array_equal(plain.friends.items, friends.items)
    bought = np.sort(world.choose(1500, BUY_TASTE, "buy").keys(300))
    kept = np.concatenate([plain.train["buy"].keys(300), plain.test.keys(300)])
    np.testing.assert_array_equal(np.sort(kept), bought)
