"""The fast whole-data loss equals the sum over every pair, values and gradients, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.ops import whole_data
from recsys_cli.ops.whole_data import ObservedPairs, dense_whole_data_loss, whole_data_loss


def problem(seed: int, *, popularity: bool, per_row: bool, n_rows=7, n_cols=11, size=4):
    rng = np.random.default_rng(seed)
    x, y = (tf.constant(rng.normal(size=(n, size))) for n in (n_rows, n_cols))
    label = rng.random((n_rows, n_cols)) < 0.3
    label[rng.integers(n_rows)] = False  # a row without pairs
    label[:, rng.integers(n_cols)] = False
    rows, cols = (a.astype(np.int32) for a in np.nonzero(label))
    w_row = rng.random(n_rows) + 0.1 if per_row else 0.3
    w_col = rng.random(n_cols) + 0.1 if popularity else None
    observed = rng.random(len(rows)) + 1.0 if per_row else 1.0
    pairs = ObservedPairs(tf.constant(rows), tf.constant(cols), tf.constant(np.argsort(cols, kind="stable"), tf.int32))
    return (
        x,
        y,
        label,
        pairs,
        {"observed_weight": observed, "row_weight": w_row, "col_weight": None if w_col is None else tf.constant(w_col)},
    )


def by_definition(x, y, label, weights) -> float:
    """sum_rc c_rc (label - score)^2, less the constant of the observed pairs (thesis eq. 3.2)."""
    w_col = 1.0 if weights["col_weight"] is None else weights["col_weight"].numpy()[None, :]
    c = np.broadcast_to(np.reshape(weights["row_weight"], (-1, 1)) * w_col, label.shape).copy()
    c[label] = weights["observed_weight"]
    return float((c * (label - x.numpy() @ y.numpy().T) ** 2).sum() - c[label].sum())


CASES = [(seed, popularity, per_row) for seed in range(4) for popularity in (False, True) for per_row in (False, True)]


def value_and_gradients(function, x, y, *args, **kwargs):
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        value = function(x, y, *args, **kwargs)
    return [value.numpy(), *(g.numpy() for g in tape.gradient(value, [x, y]))]


@pytest.mark.parametrize("seed,popularity,per_row", CASES)
def test_fast_equals_dense_equals_definition(seed, popularity, per_row, monkeypatch):
    if seed % 2:
        monkeypatch.setattr(whole_data, "PAIRS_AT_ONCE", 3)  # as of a batch that is too large for the cache
    x, y, label, pairs, weights = problem(seed, popularity=popularity, per_row=per_row)
    fast = value_and_gradients(whole_data_loss, x, y, pairs._replace(by_col=None), **weights)
    by_product = value_and_gradients(whole_data_loss, x, y, pairs, **weights)
    dense = value_and_gradients(dense_whole_data_loss, x, y, pairs, chunk=4, **weights)
    np.testing.assert_allclose(dense[0], by_definition(x, y, label, weights), rtol=1e-11)
    for a, b, c in zip(fast, by_product, dense):
        np.testing.assert_allclose(a, c, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(b, c, rtol=1e-9, atol=1e-9)


def test_gradient_agrees_with_finite_differences():
    x, y, _, pairs, weights = problem(5, popularity=True, per_row=True)
    _, dx, dy = value_and_gradients(whole_data_loss, x, y, pairs, **weights)
    for which, gradient in ((0, dx), (1, dy)):
        for place in [(0, 0), (3, 2), (6, 3)]:
            values = []
            for shift in (1e-6, -1e-6):
                arguments = [x.numpy(), y.numpy()]
                arguments[which][place] += shift
                values.append(float(whole_data_loss(*map(tf.constant, arguments), pairs, **weights)))
            np.testing.assert_allclose((values[0] - values[1]) / 2e-6, gradient[place], rtol=1e-6, atol=1e-7)


def test_shards_of_rows_and_columns_add_up():
    """A restriction to some rows and columns is a problem of its own, and row shards add up to the whole."""
    x, y, label, pairs, weights = problem(1, popularity=False, per_row=False)
    whole = float(whole_data_loss(x, y, pairs, **weights))
    parts = 0.0
    for chosen in (np.array([0, 2, 5]), np.array([1, 3, 4, 6])):
        rows, cols = (a.astype(np.int32) for a in np.nonzero(label[chosen]))
        parts += float(whole_data_loss(tf.gather(x, chosen), y, ObservedPairs(rows, cols), **weights))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
