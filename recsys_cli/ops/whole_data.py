"""The whole-data loss: a weighted squared error over ALL pairs at a cost linear in the observed ones.

For row vectors X [R, d], column vectors Y [C, d] and scores s_rc = x_r . y_c, theorem 3.1 of the thesis gives

    sum_rc w_r w_c s_rc^2  =  sum_ij (X' diag(w_row) X)_ij (Y' diag(w_col) Y)_ij

so that the weighted loss over all R x C pairs, less the constant of the observed ones, is

    L = sum_observed [ a s^2 - 2 b s ]  +  sum_ij (X' diag(w_row) X)_ij (Y' diag(w_col) Y)_ij

with b the weight of an observed pair and a = b - w_r w_c. Cost O((R + C) d^2 + |observed| d) instead of O(R C d).
A prediction vector h is folded into X (x_r = p_u * h) and several behaviours are stacked as further rows, so
users x items, items x users, friends and behaviours are all this one function.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from recsys_cli.ops.compiled import repeat

PAIRS_AT_ONCE = 1 << 14  # 4 MiB of vectors of 64 numbers for either side


class ObservedPairs(NamedTuple):
    """Observed pairs of one batch, sorted by row.

    rows, cols: int32 [n]. by_col: int32 [n], the permutation that sorts them by column (rows stay ascending
    within a column), or None: then column gradients are accumulated by segment instead of by sparse product.
    """

    rows: tf.Tensor
    cols: tf.Tensor
    by_col: tf.Tensor | None = None


def whole_data_loss(
    x: tf.Tensor,
    y: tf.Tensor,
    pairs: ObservedPairs,
    *,
    observed_weight: tf.Tensor | float = 1.0,
    row_weight: tf.Tensor | float = 1.0,
    col_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the scalar L above, with closed-form gradients for x and y.

    x: [R, d], y: [C, d]. observed_weight: b, a scalar or [n]. row_weight: w_row, a scalar or [R].
    col_weight: w_col, [C] or None for all ones. The weights get no gradient.
    """
    dtype = x.dtype
    b = tf.convert_to_tensor(observed_weight, dtype)
    w_row = tf.convert_to_tensor(row_weight, dtype)
    pair_weight = w_row if w_row.shape.rank == 0 else tf.gather(w_row, pairs.rows)
    if col_weight is not None:
        pair_weight = pair_weight * tf.gather(col_weight, pairs.cols)
    a = b - pair_weight

    # The closed form reuses the pair scores and both Gramians; a tape would store and walk every temporary.
    @tf.custom_gradient
    def loss(x: tf.Tensor, y: tf.Tensor):
        if pairs.by_col is None:
            x_pairs, y_pairs = tf.gather(x, pairs.rows), tf.gather(y, pairs.cols)
            scores = tf.reduce_sum(x_pairs * y_pairs, axis=1)
        else:
            scores = _scores(x, y, pairs)
        x_weighted = _scale(x, w_row)
        y_weighted = y if col_weight is None else _scale(y, col_weight)
        gram_x = tf.matmul(x, x_weighted, transpose_a=True)
        gram_y = tf.matmul(y, y_weighted, transpose_a=True)
        value = tf.reduce_sum(scores * (a * scores - 2.0 * b)) + tf.reduce_sum(gram_x * gram_y)

        def gradient(upstream: tf.Tensor):
            slope = 2.0 * upstream * (a * scores - b)
            dx = 2.0 * upstream * tf.matmul(x_weighted, gram_y)
            dy = 2.0 * upstream * tf.matmul(y_weighted, gram_x)
            if pairs.by_col is None:
                slope = slope[:, None]
                dx += tf.math.unsorted_segment_sum(slope * y_pairs, pairs.rows, tf.shape(x)[0])
                dy += tf.math.unsorted_segment_sum(slope * x_pairs, pairs.cols, tf.shape(y)[0])
            else:
                dx += _sparse_product(pairs.rows, pairs.cols, slope, y, tf.shape(x)[0])
                rows, cols, slope = (tf.gather(t, pairs.by_col) for t in (pairs.rows, pairs.cols, slope))
                dy += _sparse_product(cols, rows, slope, x, tf.shape(y)[0])
            return dx, dy

        return value, gradient

    return loss(x, y)


def dense_whole_data_loss(
    x: tf.Tensor,
    y: tf.Tensor,
    pairs: ObservedPairs,
    *,
    observed_weight: tf.Tensor | float = 1.0,
    row_weight: tf.Tensor | float = 1.0,
    col_weight: tf.Tensor | None = None,
    chunk: int = 4096,
) -> tf.Tensor:
    """The same L by visiting every pair (eq. 3.2, "ENMF-Original"): the slow, obvious twin of `whole_data_loss`.

    chunk: columns held in memory at a time; the scores of a chunk are computed again for its gradient.
    """
    n_rows, n_cols = tf.shape(x)[0], tf.shape(y)[0]
    b = tf.broadcast_to(tf.convert_to_tensor(observed_weight, x.dtype), tf.shape(pairs.rows))
    w_row = tf.broadcast_to(tf.convert_to_tensor(row_weight, x.dtype), [n_rows])
    w_col = tf.ones([n_cols], x.dtype) if col_weight is None else col_weight

    @tf.recompute_grad
    def chunk_loss(x: tf.Tensor, y_chunk: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        width = tf.shape(y_chunk)[0]
        inside = tf.where((pairs.cols >= first) & (pairs.cols < first + width))[:, 0]
        at = tf.stack([tf.gather(pairs.rows, inside), tf.gather(pairs.cols, inside) - first], axis=1)
        weight = w_row[:, None] * w_col[None, first : first + width]
        weight = tf.tensor_scatter_nd_update(weight, at, tf.gather(b, inside))
        label = tf.scatter_nd(at, tf.ones(tf.shape(inside), x.dtype), [n_rows, width])
        return tf.reduce_sum(weight * tf.square(label - tf.matmul(x, y_chunk, transpose_b=True)))

    if y.shape[0] is None:
        raise ValueError("dense_whole_data_loss needs a known number of columns")
    total = -tf.reduce_sum(b)
    for first in range(0, y.shape[0], chunk):
        total += chunk_loss(x, y[first : first + chunk], tf.constant(first))
    return total


def _scores(x: tf.Tensor, y: tf.Tensor, pairs: ObservedPairs) -> tf.Tensor:
    """[n]: the dot products of the pairs, some at a time: vectors that leave the cache cost more than the arithmetic, and
    those of a large batch more than all else in memory."""
    n = tf.shape(pairs.rows)[0]

    def some(first):
        at = slice(first, first + PAIRS_AT_ONCE)
        return tf.reduce_sum(tf.gather(x, pairs.rows[at]) * tf.gather(y, pairs.cols[at]), axis=1)

    def part_by_part():
        parts = tf.TensorArray(x.dtype, -(-n // PAIRS_AT_ONCE), infer_shape=False)
        (parts,) = repeat(0, parts.size(), lambda i, so_far: (so_far.write(i, some(i * PAIRS_AT_ONCE)),), (parts,))
        return parts.concat()

    return tf.cond(n <= PAIRS_AT_ONCE, lambda: some(0), part_by_part)


def _scale(vectors: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return vectors * (weight if weight.shape.rank == 0 else weight[:, None])


def _sparse_product(rows, cols, values, dense: tf.Tensor, n_rows: tf.Tensor) -> tf.Tensor:
    """S @ dense for S given by row-sorted coordinates. Each output row is summed by one thread, in order."""
    at_least_one = tf.maximum(n_rows, 1)  # TensorFlow crashes on a sparse matrix without rows
    shape = tf.cast(tf.stack([at_least_one, tf.shape(dense)[0]]), tf.int64)
    indices = tf.cast(tf.stack([rows, cols], axis=1), tf.int64)
    matrix = tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=indices, values=values, dense_shape=shape)
    return tf.raw_ops.SparseMatrixMatMul(a=matrix, b=dense)[:n_rows]
