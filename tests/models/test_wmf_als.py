"""Alternating least squares against a slow twin that writes out every weight, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.models import wmf_als
from recsys_cli.models.wmf_als import WeightedALS
from recsys_cli.runs.environment import threads
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset

CONFIG = {
    "name": "wmf_als",
    "embedding_size": 6,
    "negative_weight": 0.2,
    "l2": 0.7,
    "init": "normal",
    "init_scale": 0.3,
    "nu": 0.0,
    "solver": "exact",
    "cg_steps": 3,
}


def label() -> np.ndarray:
    """Users with 0, 1, 2, ... items and up to 140: short and long systems, lists in several chunks."""
    y = np.zeros((31, 150))
    rng = np.random.default_rng(2)
    for u, n in enumerate(rng.permutation([0, 0, 1, 1, 2, 2, 2, *range(3, 23), 63, 64, 65, 140])):
        y[u, rng.permutation(150)[:n]] = 1
    return y


def model_of(y: np.ndarray, **config) -> WeightedALS:
    return WeightedALS(OmegaConf.create({**CONFIG, **config}), dataset(buy=y), seed=4)


def one_pass(model: WeightedALS) -> float:
    learner = SolverLearner(model)
    return learner.run(0, learner.begin(0), 0.0)


def penalties(y: np.ndarray, c0: float, nu: float) -> np.ndarray:
    return 0.7 * (y.sum(axis=1) + c0 * y.shape[1]) ** nu


def solve_all(y: np.ndarray, fixed: np.ndarray, c0: float, nu: float = 0.0) -> np.ndarray:
    """One row at a time: (Q' C_u Q + l2 I)^-1 Q' C_u y_u (Hu et al. 2008, eq. 4)."""
    weights = np.where(y == 1, 1.0, c0)
    return np.array(
        [
            np.linalg.solve(fixed.T * w @ fixed + l2 * np.eye(fixed.shape[1]), fixed.T * w @ row)
            for w, row, l2 in zip(weights, y, penalties(y, c0, nu))
        ]
    )


def objective(y: np.ndarray, p: np.ndarray, q: np.ndarray, c0: float, nu: float) -> float:
    squares = [penalties(m, c0, nu) @ (v**2).sum(axis=1) for m, v in ((y, p), (y.T, q))]
    return (np.where(y == 1, 1.0, c0) * (y - p @ q.T) ** 2).sum() + sum(squares)


@pytest.mark.parametrize("c0", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("max_cells", [1, 300, 2**17], ids=["row by row", "blocks", "at once"])
def test_two_passes_equal_the_twin(monkeypatch, c0, max_cells):
    monkeypatch.setattr(wmf_als, "MAX_CELLS", max_cells)
    y, model = label(), model_of(label(), negative_weight=c0)
    q = model.item_embedding.numpy().astype(np.float64)
    for _ in range(2):
        value = one_pass(model)
        p = solve_all(y, q, c0)
        q = solve_all(y.T, p, c0)
        np.testing.assert_allclose(model.user_embedding, p, atol=2e-5)
        np.testing.assert_allclose(model.item_embedding, q, atol=2e-5)
        np.testing.assert_allclose(value, objective(y, p, q, c0, 0.0), rtol=1e-5)
    np.testing.assert_allclose(model.scorer()([4, 0]), (p @ q.T)[[4, 0]], atol=2e-5)


def test_the_penalty_may_grow_with_the_pairs_of_a_row():
    y, model = label(), model_of(label(), nu=0.5)
    q = model.item_embedding.numpy().astype(np.float64)
    value = one_pass(model)
    p = solve_all(y, q, 0.2, 0.5)
    np.testing.assert_allclose(model.user_embedding, p, atol=2e-5)
    np.testing.assert_allclose(value, objective(y, p, solve_all(y.T, p, 0.2, 0.5), 0.2, 0.5), rtol=1e-5)


@pytest.mark.parametrize("nu", [0.0, 0.5])
def test_as_many_steps_of_conjugate_gradients_as_dimensions_solve_exactly(nu):
    y, model = label(), model_of(label(), solver="cg", cg_steps=9, nu=nu)
    q = model.item_embedding.numpy().astype(np.float64)
    one_pass(model)
    p = solve_all(y, q, 0.2, nu)
    np.testing.assert_allclose(model.user_embedding, p, atol=5e-5)
    np.testing.assert_allclose(model.item_embedding, solve_all(y.T, p, 0.2, nu), atol=5e-5)


def test_the_value_of_conjugate_gradients_is_the_objective_where_they_stand():
    y, model = label(), model_of(label(), solver="cg", cg_steps=1)
    for _ in range(2):
        value = one_pass(model)
        p, q = (v.numpy().astype(np.float64) for v in (model.user_embedding, model.item_embedding))
        np.testing.assert_allclose(value, objective(y, p, q, 0.2, 0.0), rtol=1e-5)


@pytest.mark.parametrize("solver", ["exact", "cg"])
def test_the_objective_never_rises(solver):
    model = model_of(label(), solver=solver)
    values = [one_pass(model) for _ in range(5)]
    assert values == sorted(values, reverse=True)


def test_a_singular_system_names_the_setting():
    with pytest.raises(UserError, match=r"model\.l2 is too small"):
        one_pass(model_of(label(), negative_weight=0.0, l2=0.0))


@pytest.mark.skipif(threads() != "any", reason="long sums depend on the threads here, as README says: no AVX-512")
def test_the_number_of_threads_changes_no_byte(other_threads):
    """One list of 20,000, whose sum TensorFlow would split among the threads."""
    assert other_threads(long_list) == long_list()


def long_list() -> str:
    model = model_of(np.ones((1, 20_000)), embedding_size=32)
    one_pass(model)
    return model.user_embedding.numpy().tobytes().hex()
