"""ItemKNN, UserKNN and RP3beta against the dense formula in float64, in blocks of any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.models import item_to_item
from recsys_cli.models.item_knn import ItemKNN
from recsys_cli.models.rp3beta import RP3Beta
from recsys_cli.models.user_knn import UserKNN
from recsys_cli.ops import sparse
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset

N_USERS, N_ITEMS = 40, 23
ALL = np.arange(N_USERS, dtype=np.int32)


def chosen() -> np.ndarray:
    """Users who chose nothing, an item of nobody, and two items of the same users, whose similarities tie."""
    x = (np.random.default_rng(0).random((N_USERS, N_ITEMS)) < 0.25).astype(int)
    x[[3, N_USERS - 1]], x[:, 5], x[:, 9] = 0, 0, x[:, 7]
    return x


def solved(cls, **config):
    """On data with ratings, which none of these models looks at."""
    data = dataset(buy=chosen())
    data.train["buy"] = replace(data.train["buy"], values=np.linspace(1, 5, data.target_train.nnz, dtype=np.float32))
    model = cls(cls.Settings.from_config({"name": cls.__name__, **config}), data, seed=0)
    learner = SolverLearner(model)
    learner.run(0, learner.begin(0), 0.0)
    return model


def similarities(x: np.ndarray, settings) -> np.ndarray:
    """Of all columns of x, by the entries x_rv = f_v g_r; nothing is left out but a column with itself."""
    n, lengths = x.shape[1], x.sum(axis=0)
    g = np.ones(len(x)) if settings.weighting == "none" else np.log(n / (1 + x.sum(axis=1)))
    f = 101 / (100 * (0.2 + 0.8 * lengths / lengths.mean()) + 1) if settings.weighting == "bm25" else np.ones(n)
    entries = x * g[:, None] * f
    found, norm = entries.T @ entries, np.linalg.norm(entries, axis=0)
    if settings.similarity == "cosine":
        a, floor = settings.asymmetry, 1e-300
        found = found / np.maximum(np.outer(norm ** (2 * a), norm ** (2 - 2 * a)) + settings.shrinkage, floor)
    np.fill_diagonal(found, 0)
    return found


def walks(x: np.ndarray, settings) -> np.ndarray:
    users, items = (np.maximum(x.sum(axis=axis), 1.0) for axis in (1, 0))
    found = (x / users[:, None] ** settings.alpha).T @ x
    found = found / items[:, None] ** settings.alpha / items**settings.beta
    np.fill_diagonal(found, 0)
    return found


def nearest(s: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row; equal ones in the order of their columns."""
    kept = np.zeros_like(s)
    for row, values in enumerate(s):
        places = sorted(np.flatnonzero(values), key=lambda j: (-round(values[j], 6), j))[:k]
        kept[row, places] = values[places]
    return kept


def expected(model) -> np.ndarray:
    x, settings, k = chosen(), model.config, model.config.neighbours
    if isinstance(model, RP3Beta):
        kept = nearest(walks(x, settings), k)
        return x @ (kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-300) if settings.normalised else kept)
    if isinstance(model, UserKNN):
        return nearest(similarities(x.T, settings), k) @ x
    kept = nearest(similarities(x, settings), k)
    return x @ (kept if settings.neighbours_of == "chosen" else kept.T)


CASES = [
    (ItemKNN, {"neighbours": 4, "shrinkage": 7.5}),
    (ItemKNN, {"neighbours": 100, "shrinkage": 0, "asymmetry": 0.3, "weighting": "tf_idf"}),
    (ItemKNN, {"neighbours": 4, "weighting": "bm25"}),
    (UserKNN, {"neighbours": 1, "shrinkage": 0}),
    (UserKNN, {"neighbours": 6, "similarity": "dot", "weighting": "bm25"}),
    (RP3Beta, {"neighbours": 5, "alpha": 0.8, "beta": 0.4}),
    (RP3Beta, {"neighbours": 5, "normalised": False}),
    (ItemKNN, {"neighbours": 3, "similarity": "dot", "weighting": "bm25", "neighbours_of": "chosen"}),
]


@pytest.mark.parametrize("cls, config", CASES)
def test_the_scores_are_those_of_the_dense_formula(cls, config):
    model = solved(cls, **config)
    wanted = expected(model)
    np.testing.assert_allclose(model.scorer()(ALL), wanted, rtol=1e-5, atol=1e-6 * wanted.max())


@pytest.mark.parametrize("memory_mb", [0, 1], ids=["sparse", "dense"])
@pytest.mark.parametrize("cls, config", [CASES[0], CASES[3]])
def test_blocks_of_any_size_give_the_same(cls, config, memory_mb, monkeypatch):
    """Of items, of users, and of products that are added up at a time."""
    monkeypatch.setattr(item_to_item, "BLOCK_CELLS", 70)
    monkeypatch.setattr(sparse, "VOTES", 150)
    model = solved(cls, memory_mb=memory_mb, **config)
    score, wanted = model.scorer(), expected(model)
    scores = score(ALL).numpy()
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6 * wanted.max())
    for users in ([N_USERS - 1], [3, 3, 17]):
        assert score(tf.constant(users, tf.int32)).numpy().tobytes() == scores[users].tobytes()


def test_neighbours_come_nearest_first_and_ties_by_their_id():
    model, x = solved(ItemKNN, neighbours=6, shrinkage=0.0), chosen()
    s = similarities(x, model.config)
    for v in range(N_ITEMS):
        wanted = sorted(np.flatnonzero(s[v]), key=lambda j: (-round(s[v, j], 6), j))[:6]
        assert model.neighbours[v].numpy()[: len(wanted)].tolist() == wanted
        assert not model.similarities[v].numpy()[len(wanted) :].any()
    assert model.similarities[5].numpy().tolist() == [0.0] * 6, "nobody chose it"
