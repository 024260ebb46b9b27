"""Small random cases and slow, obvious ranks to hold the fast ones against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import Factors
from tests.tiny import csr


class Case(NamedTuple):
    scores: np.ndarray
    held_out: CSR
    seen: list[CSR]


def random_case(seed: int, *, ties: bool = True) -> Case:
    """Users without held-out items, users with many, and two overlapping histories."""
    rng = np.random.default_rng(seed)
    n_users, n_items = int(rng.integers(1, 300)), (7, 40)[seed % 2]
    part = rng.choice(5, (n_users, n_items), p=[0.6, 0.1, 0.1, 0.1, 0.1])
    part[rng.random(n_users) < 0.2] = 0
    distinct = rng.permutation(part.size).reshape(part.shape)
    scores = rng.integers(-2, 3, part.shape) if ties else distinct
    matrices = [csr(part == 1), csr((part == 2) | (part == 3)), csr((part == 3) | (part == 4))]
    return Case(scores.astype(np.float32), matrices[0], matrices[1:])


def table(scores: np.ndarray) -> Factors:
    """The scorer that gives these scores: users x items, times the identity."""
    return Factors(tf.constant(scores, tf.float32), tf.eye(scores.shape[1]))


def ranked_items(case: Case, user: int) -> list[int]:
    """All candidates of a user, best first."""
    seen = {int(item) for history in case.seen for item in history.row(user)}
    return sorted(set(range(case.scores.shape[1])) - seen, key=lambda v: (-case.scores[user, v], v))
