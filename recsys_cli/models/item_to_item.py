"""What models that compare items with items share: counts of items chosen together, and histories of users.

All on the CPU: sparse products cost as much as there are pairs, and their order of summation is fixed there.
"""

from __future__ import annotations

import tensorflow as tf

from recsys_cli.data.dataset import CSR

CPU = "/CPU:0"
BLOCK_CELLS = 2**22  # rows x n_items of one block of counts: 16 MB where it is made dense


def sparse_matrix(rows: tf.Tensor, cols: tf.Tensor, values: tf.Tensor, shape: tuple) -> tf.Tensor:
    """TensorFlow's own CSR matrix, from coordinates sorted by row and column."""
    indices = tf.stack([tf.cast(rows, tf.int64), tf.cast(cols, tf.int64)], axis=1)
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=indices, values=values, dense_shape=tf.cast(tf.stack(shape), tf.int64)
    )


class CoOccurrence:
    """Rows of X'X, the number of users who chose both items, for X the 0/1 matrix users x items.

    blocks: (first, last) of the rows that make one step's work.
    """

    def __init__(self, pairs: CSR):
        self.by_item = pairs.T
        step = max(1, BLOCK_CELLS // pairs.n_cols)
        self.blocks = [(first, min(first + step, pairs.n_cols)) for first in range(0, pairs.n_cols, step)]
        with tf.device(CPU):
            self.by_user = sparse_matrix(pairs.rows, pairs.indices, tf.ones([pairs.nnz]), (pairs.n_rows, pairs.n_cols))

    def rows(self, first: int, last: int) -> tf.Tensor:
        """Rows first..last-1 as a sparse matrix [last - first, n_items]; column ids ascend within a row."""
        x = self.by_item
        low, high = int(x.indptr[first]), int(x.indptr[last])
        with tf.device(CPU):
            block = sparse_matrix(
                x.rows[low:high] - first, x.indices[low:high], tf.ones([high - low]), (last - first, x.n_cols)
            )
            return tf.raw_ops.SparseMatrixSparseMatMul(a=block, b=self.by_user, type=tf.float32)


class Rows:
    """The rows of a sparse matrix, looked up by id inside a compiled function."""

    def __init__(self, matrix: CSR):
        with tf.device(CPU):
            self.indptr, self.indices = tf.constant(matrix.indptr, tf.int64), tf.constant(matrix.indices)
            self.values = None if matrix.values is None else tf.constant(matrix.values)

    def __call__(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Of all non-zeros of these rows, [n] each: place in `ids`, column id, value. ids: int32 [b]."""
        found = tf.ragged.range(tf.gather(self.indptr, ids), tf.gather(self.indptr, ids + 1))
        values = None if self.values is None else tf.gather(self.values, found.values)
        return found.value_rowids(), tf.gather(self.indices, found.values), values
