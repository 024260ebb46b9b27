"""The sampled losses beside their formulas, written down in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.losses.sampled import LOSSES

RANDOM = np.random.default_rng(0)
POSITIVE, NEGATIVE, ODDS = RANDOM.normal(size=5), RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 4))


def sigma(x):
    return 1 / (1 + np.exp(-x))


def softmax():
    weights = np.exp(np.column_stack([POSITIVE, NEGATIVE]) - ODDS)
    return -np.log(weights[:, 0] / weights.sum(axis=1))


FORMULAS = {
    "bpr": lambda: -np.log(sigma(POSITIVE[:, None] - NEGATIVE)).sum(axis=1),
    "bce": lambda: -np.log(sigma(POSITIVE)) - np.log(1 - sigma(NEGATIVE)).sum(axis=1),
    "softmax": softmax,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_each_is_its_formula(name):
    found = LOSSES[name](*(tf.constant(x, tf.float64) for x in (POSITIVE, NEGATIVE, ODDS)))
    np.testing.assert_allclose(found, FORMULAS[name](), rtol=1e-12)
