"""TranSIV against a slow twin: one vector, one pair at a time, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.models.transiv import TranSIV
from recsys_cli.ops import exposure
from recsys_cli.training.learner import SolverLearner
from tests.losses.toys import M, N, arrays_of, dataset, observed

USUAL = {"name": "transiv", "embedding_size": 5, "own_size": 2, "init_scale": 0.5, "ridge": 0.05, "precision": 1.5}
PRIORS = {"prior_a": 2.0, "prior_b": 3.0, "social_prior_a": 4.0, "social_prior_b": 1.5, "social_exposure": 0.2}
ITEM, FRIEND = "item", "friend"


def transiv(**config) -> TranSIV:
    settings = TranSIV.Settings(**{**USUAL, **PRIORS, "social_precision": 0.4, **config})
    return TranSIV(settings, dataset(friends=observed(M, M, 1)), seed=0)


class Twin:
    """c, r (or s) of users, cc and rr of columns, mu, by domain."""

    def __init__(self, model: TranSIV):
        v, c = arrays_of(model), model.config
        self.ridge, self.c = c.ridge, v["user_common"]
        self.own = {d: v[f"user_{d}"] for d in (ITEM, FRIEND)}
        self.cc = {d: v[f"{d}_embedding"][:, :3] for d in (ITEM, FRIEND)}
        self.rr = {d: v[f"{d}_embedding"][:, 3:] for d in (ITEM, FRIEND)}
        self.mu = {d: v[f"{d}_exposure"] for d in (ITEM, FRIEND)}
        self.y = {ITEM: np.zeros((M, N)), FRIEND: np.zeros((M, M))}
        for name, pairs in ((ITEM, model.tasks[0].pairs), (FRIEND, observed(M, M, 1))):
            self.y[name][pairs.rows, pairs.indices] = 1
        self.lam = {ITEM: c.precision, FRIEND: c.social_precision}
        self.prior = {ITEM: (c.prior_a, c.prior_b), FRIEND: (c.social_prior_a, c.social_prior_b)}

    def seen(self, d: str) -> np.ndarray:
        lam, a = self.lam[d], np.ones(self.y[d].shape)
        for u, i in zip(*np.nonzero(self.y[d] == 0)):
            score = self.c[u] @ self.cc[d][i] + self.own[d][u] @ self.rr[d][i]
            p = math.sqrt(lam / (2 * math.pi)) * math.exp(-lam * score**2 / 2) + 1e-8
            a[u, i] = p / (p + (1 - self.mu[d][i]) / self.mu[d][i])
        return a

    def solve(self, table, others, rests, domains, transposed=False) -> None:
        """Rows of `table`; others: by domain, what they are multiplied by; rests: what the other numbers give."""
        a = {d: self.seen(d).T if transposed else self.seen(d) for d in domains}
        y = {d: self.y[d].T if transposed else self.y[d] for d in domains}
        for row in range(len(table)):
            left, right = self.ridge * np.eye(table.shape[1]), np.zeros(table.shape[1])
            for d in domains:
                for col, other in enumerate(others[d]):
                    left += self.lam[d] * a[d][row, col] * np.outer(other, other)
                    right += self.lam[d] * y[d][row, col] * (1 - rests[d][row, col]) * other
            table[row] = np.linalg.solve(left, right)

    def iterate(self) -> None:
        both = (ITEM, FRIEND)
        self.solve(self.c, self.cc, {d: self.own[d] @ self.rr[d].T for d in both}, both)
        for d in both:
            self.solve(self.own[d], self.rr, {d: self.c @ self.cc[d].T}, (d,))
        for d in both:
            self.solve(self.cc[d], {d: self.c}, {d: self.rr[d] @ self.own[d].T}, (d,), transposed=True)
            self.solve(self.rr[d], self.own, {d: self.cc[d] @ self.c.T}, (d,), transposed=True)
        for d in both:
            (a, b), seen = self.prior[d], self.seen(d)
            self.mu[d] = (a + seen.sum(axis=0) - 1) / (a + b + M - 2)


@pytest.mark.parametrize("at_a_time", [4, 1024])
def test_two_iterations_agree_with_the_slow_twin(at_a_time, monkeypatch):
    monkeypatch.setattr(exposure, "ROWS_AT_A_TIME", at_a_time)
    monkeypatch.setattr(exposure, "OTHERS_AT_A_TIME", at_a_time)
    model = transiv()
    twin, learner = Twin(model), SolverLearner(model)
    for epoch in range(2):
        learner.run(0, learner.begin(epoch), 0.0)
        twin.iterate()
    v = arrays_of(model)
    np.testing.assert_allclose(v["user_common"], twin.c, rtol=1e-3, atol=1e-4)
    for d in (ITEM, FRIEND):
        np.testing.assert_allclose(v[f"user_{d}"], twin.own[d], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(v[f"{d}_embedding"], np.hstack([twin.cc[d], twin.rr[d]]), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(v[f"{d}_exposure"], twin.mu[d], rtol=1e-4)
    scores = twin.c @ twin.cc[ITEM].T + twin.own[ITEM] @ twin.rr[ITEM].T
    np.testing.assert_allclose(model.scorer()(tf.range(M)), scores, rtol=1e-3, atol=1e-3)


def test_the_chance_of_being_seen_may_be_part_of_the_score():
    plain, weighted = transiv().scorer(), transiv(exposure_in_score=True, exposure=0.25).scorer()
    np.testing.assert_allclose(weighted(tf.range(M)), 0.25 * plain(tf.range(M)).numpy(), rtol=1e-5)


def test_something_must_be_shared():
    with pytest.raises(UserError, match="model.own_size=5 leaves nothing of model.embedding_size=5"):
        transiv(own_size=5)
