"""ExpoMF against a slow twin: one user, one item, one pair at a time, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.models.expomf import ExpoMF
from recsys_cli.ops import exposure
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset

N_USERS, N_ITEMS, SIZE = 11, 8, 3
CONFIG = {
    "name": "expomf",
    "embedding_size": SIZE,
    "init": "normal",
    "init_scale": 0.5,
    "exposure": 0.1,
    "ridge": 0.05,
    "precision": 1.5,
    "prior_a": 2.0,
    "prior_b": 3.0,
    "published_constant": False,
    "exposure_in_score": False,
}


def label() -> np.ndarray:
    observed = np.random.default_rng(1).random((N_USERS, N_ITEMS)) < 0.3
    observed[[2, N_USERS - 1]] = False  # users without pairs, one of them the last
    return observed


def model_of(**config) -> ExpoMF:
    return ExpoMF(OmegaConf.create({**CONFIG, **config}), dataset(buy=label()), seed=0)


def iterate(model: ExpoMF, epochs: int) -> None:
    learner = SolverLearner(model)
    for epoch in range(epochs):
        assert learner.run(0, learner.begin(epoch), 0.0) == 0.0


class Twin:
    def __init__(self, model: ExpoMF):
        self.y, self.c = label(), model.config
        state = model.user_embedding, model.item_embedding, model.exposure
        self.theta, self.beta, self.mu = (v.numpy().astype(np.float64) for v in state)

    def exposure(self, u: int, i: int) -> float:
        if self.y[u, i]:
            return 1.0
        lam = self.c.precision
        constant = lam * math.pi / 2 if self.c.published_constant else lam / (2 * math.pi)
        p = math.sqrt(constant) * math.exp(-lam * (self.theta[u] @ self.beta[i]) ** 2 / 2) + 1e-8
        return p / (p + (1 - self.mu[i]) / self.mu[i])

    def iterate(self) -> None:
        lam, ridge = self.c.precision, self.c.ridge * np.eye(SIZE)
        a = np.array([[self.exposure(u, i) for i in range(N_ITEMS)] for u in range(N_USERS)])
        for u in range(N_USERS):
            left = ridge + lam * sum(a[u, i] * np.outer(self.beta[i], self.beta[i]) for i in range(N_ITEMS))
            self.theta[u] = np.linalg.solve(left, lam * (self.y[u] * a[u]) @ self.beta)
        a = np.array([[self.exposure(u, i) for i in range(N_ITEMS)] for u in range(N_USERS)])
        for i in range(N_ITEMS):
            left = ridge + lam * sum(a[u, i] * np.outer(self.theta[u], self.theta[u]) for u in range(N_USERS))
            self.beta[i] = np.linalg.solve(left, lam * (self.y[:, i] * a[:, i]) @ self.theta)
        seen = [sum(self.exposure(u, i) for u in range(N_USERS)) for i in range(N_ITEMS)]
        self.mu = (self.c.prior_a + np.array(seen) - 1) / (self.c.prior_a + self.c.prior_b + N_USERS - 2)


@pytest.mark.parametrize("published_constant", [False, True])
@pytest.mark.parametrize("block", [3, 1024])
def test_three_iterations_agree_with_the_slow_twin(published_constant, block, monkeypatch):
    monkeypatch.setattr(exposure, "ROWS_AT_A_TIME", block)
    monkeypatch.setattr(exposure, "OTHERS_AT_A_TIME", block)
    model = model_of(published_constant=published_constant)
    twin = Twin(model)
    iterate(model, 3)
    for _ in range(3):
        twin.iterate()
    for actual, expected in (
        (model.user_embedding, twin.theta),
        (model.item_embedding, twin.beta),
        (model.exposure, twin.mu),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_the_published_constant_matters():
    first, second = model_of(), model_of(published_constant=True)
    iterate(first, 1)
    iterate(second, 1)
    assert np.abs(first.exposure.numpy() - second.exposure.numpy()).max() > 0.01


def test_exposure_may_weigh_the_score():
    plain, weighed = model_of(), model_of(exposure_in_score=True)
    iterate(plain, 1)
    iterate(weighed, 1)
    users = tf.constant([0, 5])
    np.testing.assert_allclose(
        weighed.scorer()(users), plain.scorer()(users) * plain.exposure.numpy(), rtol=1e-5, atol=1e-6
    )
