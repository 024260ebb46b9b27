"""EASE against a slow twin, in blocks of items and of users."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.models import item_to_item
from recsys_cli.models.ease import EASE
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset

N_USERS, N_ITEMS = 40, 23
ALL = np.arange(N_USERS, dtype=np.int32)


@pytest.fixture(params=[1, 70, 10**6], ids=["row by row", "blocks", "at once"])
def block_cells(request, monkeypatch):
    monkeypatch.setattr(item_to_item, "BLOCK_CELLS", request.param)


def chosen() -> np.ndarray:
    """Users who chose nothing, an item of nobody, and two items of the same users, whose similarities tie."""
    x = (np.random.default_rng(0).random((N_USERS, N_ITEMS)) < 0.25).astype(int)
    x[[3, N_USERS - 1]], x[:, 5], x[:, 9] = 0, 0, x[:, 7]
    return x


def solved(cls, x=None, **config):
    x = chosen() if x is None else x
    model = cls(OmegaConf.create({"name": cls.__name__, **config}), dataset(buy=x), seed=0)
    learner = SolverLearner(model)
    learner.run(0, learner.begin(0), 0.0)
    return model


@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_ease_is_the_constrained_ridge_regression(block_cells, l2):
    """B column by column: ridge regression of an item on all others."""
    x, model = chosen(), solved(EASE, l2=l2, memory_gb=1.0)
    b = np.zeros((N_ITEMS, N_ITEMS))
    for v in range(N_ITEMS):
        rest = np.arange(N_ITEMS) != v
        others = x[:, rest]
        b[rest, v] = np.linalg.solve(others.T @ others + l2 * np.eye(N_ITEMS - 1), others.T @ x[:, v])
    np.testing.assert_allclose(model.weights, b, atol=2e-6)
    np.testing.assert_allclose(model.scorer()(ALL), x @ b, atol=1e-5)


def test_the_numbers_of_a_user_are_the_same_in_any_block():
    scorer = solved(EASE, l2=1.0, memory_gb=1.0).scorer()
    whole = scorer(ALL).numpy()
    for users in ([0], [N_USERS - 1], [3, 3, 17], ALL[::-1]):
        block = scorer(tf.constant(users, tf.int32)).numpy()
        assert block.tobytes() == whole[users].tobytes()


def test_ease_refuses_what_does_not_fit_in_memory():
    with pytest.raises(UserError, match=r"500 items needs 0\.002 GB.* model\.memory_gb is 0\.001: raise it"):
        solved(EASE, np.ones((2, 500), int), l2=1.0, memory_gb=0.001)


def test_ease_names_the_setting_when_its_equations_are_singular():
    with pytest.raises(UserError, match=r"model\.l2 is too small"):
        solved(EASE, np.ones((5, 2), int), l2=1e-9, memory_gb=1.0)
