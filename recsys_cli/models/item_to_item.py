"""What models share that compare items with items: counts of items chosen together, and scores by a user's items.

All on the CPU: sparse products cost as much as there are pairs, and their order of summation is fixed there.
"""

from __future__ import annotations

import tensorflow as tf

from recsys_cli.data.dataset import CSR

CPU = "/CPU:0"


def sparse_matrix(rows: tf.Tensor, cols: tf.Tensor, values: tf.Tensor, shape: tuple) -> tf.Tensor:
    """TensorFlow's own CSR matrix, from coordinates sorted by row and column."""
    indices = tf.stack([tf.cast(rows, tf.int64), tf.cast(cols, tf.int64)], axis=1)
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=indices, values=values, dense_shape=tf.cast(tf.stack(shape), tf.int64))


class CoOccurrence:
    """Rows of X'X, the number of users who chose both items, for X the 0/1 matrix users x items."""

    def __init__(self, pairs: CSR):
        self.by_item = pairs.T
        with tf.device(CPU):
            self.by_user = sparse_matrix(pairs.rows, pairs.indices, tf.ones([pairs.nnz]), (pairs.n_rows, pairs.n_cols))

    def rows(self, first: int, last: int) -> tf.Tensor:
        """Rows first..last-1 as a sparse matrix [last - first, n_items]; column ids ascend within a row."""
        x = self.by_item
        low, high = x.indptr[first], x.indptr[last]
        with tf.device(CPU):
            block = sparse_matrix(x.rows[low:high] - first, x.indices[low:high], tf.ones([high - low]),
                                  (last - first, x.n_cols))
            return tf.raw_ops.SparseMatrixSparseMatMul(a=block, b=self.by_user, type=tf.float32)


class HistoryScorer:
    """score_uv = sum of weight_jv over the items j that user u chose in training.

    weights: a dense float32 [n_items, n_items], or a `sparse_matrix` of that shape. The numbers of a user do not
    depend on who else is in the block.
    """

    def __init__(self, pairs: CSR, weights: tf.Tensor):
        self.n_items, self.weights = pairs.n_cols, weights
        self.indptr, self.indices = tf.constant(pairs.indptr), tf.constant(pairs.indices)

    def __call__(self, users: tf.Tensor) -> tf.Tensor:
        with tf.device(CPU):
            places = tf.ragged.range(tf.gather(self.indptr, users), tf.gather(self.indptr, users + 1))
            items = tf.gather(self.indices, places.values)
            history = sparse_matrix(
                places.value_rowids(), items, tf.ones_like(items, tf.float32), (tf.shape(users)[0], self.n_items))
            if self.weights.dtype != tf.variant:
                return tf.raw_ops.SparseMatrixMatMul(a=history, b=self.weights)
            product = tf.raw_ops.SparseMatrixSparseMatMul(a=history, b=self.weights, type=tf.float32)
            return tf.raw_ops.CSRSparseMatrixToDense(sparse_input=product, type=tf.float32)
