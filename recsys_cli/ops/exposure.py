"""Expectation over which pairs were seen (Liang et al. 2016), for matrices whose zeros may mean "not seen".

    a_rc ~ Bernoulli(mu_rc),    y_rc | a_rc = 1 ~ N(x_r . y_c, 1/lambda),    y_rc | a_rc = 0 is 0

The posterior A of a_rc is 1 where a pair is observed, else p mu / (p mu + 1 - mu), p the density of 0 at x_r . y_c. It is
held for a block of rows and OTHERS_AT_A_TIME columns only. All functions are for what is compiled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.ops.compiled import repeat

ROWS_AT_A_TIME = 1024  # solved in one step
OTHERS_AT_A_TIME = 1024


class Law(NamedTuple):
    """precision: lambda. constant: of the density, sqrt(lambda / (2 pi)) if null."""

    precision: float = 1.0
    constant: float | None = None

    @property
    def at_zero(self) -> float:
        return math.sqrt(self.precision / (2 * math.pi)) if self.constant is None else self.constant


class Block(NamedTuple):
    """Rows of a matrix. rows, cols: int32 [m], its observed pairs, rows counted from its first; row_prior [b, 1] x
    col_prior [1, n]: mu."""

    rows: tf.Tensor
    cols: tf.Tensor
    row_prior: tf.Tensor
    col_prior: tf.Tensor


BLOCK = Block(*(tf.TensorSpec(shape, kind) for shape, kind in (
    ([None], tf.int32), ([None], tf.int32), ([None, None], tf.float32), ([None, None], tf.float32)
)))  # fmt: skip


def steps(n_rows: int) -> int:
    """Blocks of that many rows."""
    return -(-n_rows // ROWS_AT_A_TIME)


def block(pairs: CSR, step: int, row_prior: tf.Tensor | None, col_prior: tf.Tensor | None) -> tuple[int, int, Block]:
    """First and last row of a block, and what it holds. row_prior [rows], col_prior [columns]: one of them is given."""
    first = step * ROWS_AT_A_TIME
    last = min(first + ROWS_AT_A_TIME, pairs.n_rows)
    low, high = pairs.indptr[first], pairs.indptr[last]
    observed = tf.constant(pairs.rows[low:high] - first), tf.constant(pairs.indices[low:high])
    of_rows = tf.ones([last - first, 1]) if row_prior is None else row_prior[first:last, None]
    of_cols = tf.ones([1, pairs.n_cols]) if col_prior is None else col_prior[None, :]
    return first, last, Block(*observed, of_rows, of_cols)


def posterior(x: tf.Tensor, y: tf.Tensor, start: tf.Tensor, part: Block, law: Law) -> tf.Tensor:
    """A [b, c] for the columns start, start + 1, ... with vectors y [c, d]; x: [b, d]."""
    width = tf.shape(y)[0]
    mu = part.row_prior * part.col_prior[:, start : start + width]
    scores = tf.matmul(x, y, transpose_b=True)
    density = law.at_zero * tf.exp(-0.5 * law.precision * tf.square(scores)) + 1e-8
    found = density * mu / (density * mu + 1.0 - mu)
    inside = tf.where((part.cols >= start) & (part.cols < start + width))[:, 0]
    at = tf.stack([tf.gather(part.rows, inside), tf.gather(part.cols, inside) - start], axis=1)
    return tf.tensor_scatter_nd_update(found, at, tf.ones(tf.shape(inside)))


def expected_count(x: tf.Tensor, others: tf.Tensor, part: Block, law: Law) -> tf.Tensor:
    """The sum of A over all columns: [b]. others: [n, d]."""

    def add(chunk, total):
        start = chunk * OTHERS_AT_A_TIME
        y = others[start : start + OTHERS_AT_A_TIME]
        return (total + tf.reduce_sum(posterior(x, y, start, part, law), axis=1),)

    return repeat(tf.constant(0), _chunks(others), add, (tf.zeros([tf.shape(x)[0]]),))[0]


def system(x: tf.Tensor, others: tf.Tensor, part: Block, law: Law, place: slice) -> tuple[tf.Tensor, tf.Tensor]:
    """The M-step of the numbers `place` of each row, in float64: left [b, k, k] and right side [b, k] of

        lambda sum_c A_rc y_c y_c' x_r = lambda sum_observed (1 - rest_rc) y_c

    with y_c those numbers of the others, and rest_rc what the other numbers of both vectors give.
    """
    count, size = tf.shape(x)[0], others[:, place].shape[1]
    # Products y_i y_j are symmetric: only those with i <= j are summed.
    one, two = np.triu_indices(size)
    cell = np.zeros((size, size), np.int32)
    cell[one, two] = cell[two, one] = np.arange(len(one))

    def add(chunk, moments):
        start = chunk * OTHERS_AT_A_TIME
        y = others[start : start + OTHERS_AT_A_TIME]
        products = tf.gather(y[:, place], one, axis=1) * tf.gather(y[:, place], two, axis=1)
        return (moments + tf.matmul(posterior(x, y, start, part, law), products),)

    (moments,) = repeat(tf.constant(0), _chunks(others), add, (tf.zeros([count, len(one)]),))
    y, wanted = tf.gather(others, part.cols), 1.0
    if rest := [n for n in range(others.shape[1]) if n not in range(*place.indices(others.shape[1]))]:
        own = tf.gather(tf.gather(x, part.rows), rest, axis=1)
        wanted -= tf.reduce_sum(own * tf.gather(y, rest, axis=1), axis=1, keepdims=True)
    observed = tf.math.segment_sum(wanted * y[:, place], part.rows)
    observed = tf.pad(observed, [[0, count - tf.shape(observed)[0]], [0, 0]])
    left = tf.reshape(tf.gather(moments, cell.ravel(), axis=1), [-1, size, size])
    return law.precision * tf.cast(left, tf.float64), law.precision * tf.cast(observed, tf.float64)


def solved(left: tf.Tensor, right: tf.Tensor, ridge: float) -> tf.Tensor:
    """float32 [b, k]. In float64: the ridge may be far below the rounding of the sums."""
    left += ridge * tf.eye(tf.shape(left)[-1], dtype=tf.float64)
    return tf.cast(tf.linalg.solve(left, right[..., None])[..., 0], tf.float32)


def _chunks(others: tf.Tensor) -> tf.Tensor:
    return -(-tf.shape(others)[0] // OTHERS_AT_A_TIME)


def most_likely(seen: tf.Tensor, n: int, prior: tuple[float, float]) -> tf.Tensor:
    """The mode of the probability that one of n is exposed, of whom `seen` are expected to be; prior: a, b of its Beta."""
    a, b = prior
    return (a + seen - 1.0) / (a + b + n - 2.0)
