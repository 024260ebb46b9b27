"""Pairs that go from a model that knows counts: the bytes are those of a solution of what stays."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.data.dataset import CSR
from recsys_cli.models.counts import TOGETHER, Change
from recsys_cli.models.ease import EASE
from recsys_cli.models.item_knn import ItemKNN
from recsys_cli.models.popularity import Popularity
from recsys_cli.models.user_knn import UserKNN
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset

USERS, ITEMS = 60, 45


def chosen(seed: int) -> np.ndarray:
    """Some items of many, so that similarities tie and few have k neighbours."""
    random = np.random.default_rng(seed)
    x = random.random((USERS, ITEMS)) < random.random(ITEMS) ** 3 * 0.8
    x[0], x[:, 1] = True, x[:, 2]
    return x.astype(int)


def model_of(cls, x, words):
    return cls(cls.Settings.from_config({"name": cls.__name__, **words}), dataset(buy=x), seed=0)


def solved(cls, x, words, most_mb) -> dict[str, np.ndarray]:
    model = model_of(cls, x, words)
    learner = SolverLearner(model)
    learner.run(0, learner.begin(0), 0.0)
    return {n: v.numpy() for n, v in model.state().items()} | model.kept(most_mb)


def losses(x):
    """A pair, some of a user, a user, an item, and some of each at once: what stays, by rows and columns."""
    pair, some, user, item = (x.copy() for _ in range(4))
    pair[5, np.flatnonzero(x[5])[0]] = 0
    some[0, ::3] = 0
    user[7] = item[:, 2] = 0
    everything = pair * user * item
    return {
        "nothing": (x, [], []),
        "pair": (pair, [], []),
        "some": (some, [], []),
        "user": (user, [7], []),
        "item": (item, [], [2]),
        "all": (everything, [7], [2]),
    }


def csr(x) -> CSR:
    return CSR.from_pairs(*np.nonzero(x), *x.shape)


@pytest.mark.parametrize(
    "cls, words, most_mb",
    [
        (Popularity, {}, 1),
        (EASE, {"l2": 3.0}, 1),
        (ItemKNN, {"neighbours": 4, "shrinkage": 1.0}, 1),
        (ItemKNN, {"neighbours": 6, "similarity": "dot"}, 0),
        (ItemKNN, {"neighbours": 5, "asymmetry": 0.3, "weighting": "bm25"}, 1),
        (UserKNN, {"neighbours": 4, "weighting": "tf_idf"}, 1),
        (UserKNN, {"neighbours": 30, "shrinkage": 0.0}, 1),
    ],
)
def test_what_is_left_has_the_bytes_of_a_solution_of_its_own(cls, words, most_mb):
    lost = 0
    for seed in range(2):
        x = chosen(seed)
        for name, (left, users, items) in losses(x).items():
            rows, columns = (np.delete(np.arange(n), ids) for n, ids in ((USERS, users), (ITEMS, items)))
            after = left[np.ix_(rows, columns)]
            expected = solved(cls, after, words, most_mb)
            model = model_of(cls, after, words)
            kept = model.lose(
                solved(cls, x, words, most_mb), Change.between(csr(x), csr(after), rows, columns), most_mb
            )
            if kept is None:
                continue
            lost += 1
            found = {n: v.numpy() for n, v in model.state().items()} | kept
            assert found.keys() == expected.keys()
            for key, value in found.items():
                assert value.dtype == expected[key].dtype and value.tobytes() == expected[key].tobytes(), (name, key)
    assert lost or words.get("weighting")


def test_rows_that_have_not_moved_are_not_looked_for_again(monkeypatch):
    x = chosen(0)
    after, words = x.copy(), {"neighbours": 4}
    after[5, (item := np.flatnonzero(x[5])[0])] = 0
    looked: list[int] = []
    before, model = solved(ItemKNN, x, words, 1), model_of(ItemKNN, after, words)
    monkeypatch.setattr(model, "_look_for", lambda columns, counts: looked.extend(columns))
    everyone = np.arange(USERS), np.arange(ITEMS)
    assert model.lose(before, Change.between(csr(x), csr(after), *everyone), 1)[TOGETHER].dtype == np.uint8
    assert item in looked and len(looked) < ITEMS // 4


def test_large_losses_are_counted_anew():
    x = chosen(1)
    left = x.copy()
    left[::2] = 0
    change = Change.between(csr(x), csr(left[1::2]), np.arange(1, USERS, 2), np.arange(ITEMS))
    assert change.is_large and change.T.gone.sum() == change.gone.sum() == x[::2].sum()
    model = model_of(EASE, left[1::2], {"l2": 3.0})
    kept = model.lose(solved(EASE, x, {"l2": 3.0}, 1), change, 1)
    assert (kept[TOGETHER] == left.T @ left).all()
