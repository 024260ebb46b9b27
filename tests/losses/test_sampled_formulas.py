"""The sampled losses and their gradients beside the formulas, written down in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.losses.sampled import LOSSES

RANDOM = np.random.default_rng(0)
POSITIVE, NEGATIVE, ODDS = RANDOM.normal(size=5), RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 4))


def sigma(x):
    return 1 / (1 + np.exp(-x))


def softmax(positive, negative):
    weights = np.exp(np.column_stack([positive, negative]) - ODDS)
    return -np.log(weights[:, 0] / weights.sum(axis=1))


FORMULAS = {
    "bpr": lambda positive, negative: -np.log(sigma(positive[:, None] - negative)).sum(axis=1),
    "bce": lambda positive, negative: -np.log(sigma(positive)) - np.log(1 - sigma(negative)).sum(axis=1),
    "softmax": softmax,
}


def slopes(formula, positive, negative, step=1e-6):
    """By central differences: of the positive, and of each negative of a row, which no other row has to do with."""
    columns = np.column_stack([positive, negative])
    found = np.empty_like(columns)
    for c, moved in enumerate(step * np.eye(columns.shape[1])):
        up, down = columns + moved, columns - moved
        found[:, c] = (formula(up[:, 0], up[:, 1:]) - formula(down[:, 0], down[:, 1:])) / (2 * step)
    return found[:, 0], found[:, 1:]


@pytest.mark.parametrize("name", FORMULAS)
def test_each_is_its_formula_and_so_is_its_gradient(name):
    positive, negative, odds = (tf.constant(x, tf.float64) for x in (POSITIVE, NEGATIVE, ODDS))
    with tf.GradientTape() as tape:
        tape.watch([positive, negative])
        found = LOSSES[name](positive, negative, odds)
    np.testing.assert_allclose(found, FORMULAS[name](POSITIVE, NEGATIVE), rtol=1e-12)
    for gradient, slope in zip(tape.gradient(found, [positive, negative]), slopes(FORMULAS[name], POSITIVE, NEGATIVE)):
        np.testing.assert_allclose(gradient, slope, atol=1e-8)
