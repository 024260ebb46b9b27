"""Products of sparse matrices on the CPU: their cost follows the non-zeros, their order of summation is fixed there."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR

CPU = "/CPU:0"
VOTES = 2**22  # products added up at a time, beyond those of a single row: 64 MB with what leads to them
DENSE_SHARE = 0.03  # a row with more of its columns is added faster as a dense one


def sparse_matrix(rows: tf.Tensor, cols: tf.Tensor, values: tf.Tensor, shape: tuple) -> tf.Tensor:
    """TensorFlow's own CSR matrix, from coordinates sorted by row and column."""
    indices = tf.stack([tf.cast(rows, tf.int64), tf.cast(cols, tf.int64)], axis=1)
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=indices, values=values, dense_shape=tf.cast(tf.stack(shape), tf.int64)
    )


class Rows:
    """The rows of a sparse matrix, looked up by id inside a compiled function."""

    def __init__(self, matrix: CSR):
        with tf.device(CPU):
            self.indptr, self.indices = tf.constant(matrix.indptr, tf.int64), tf.constant(matrix.indices)
            self.values = None if matrix.values is None else tf.constant(matrix.values)

    def places(self, ids: tf.Tensor) -> tf.RaggedTensor:
        """Where the non-zeros of these rows stand: int64 [b, None]. ids: int32 or int64 [b]."""
        return tf.ragged.range(tf.gather(self.indptr, ids), tf.gather(self.indptr, ids + 1))

    def __call__(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Of all non-zeros of these rows, [n] each: place in `ids`, column id, value. ids: int32 [b]."""
        found = self.places(ids)
        values = None if self.values is None else tf.gather(self.values, found.values)
        return found.value_rowids(), tf.gather(self.indices, found.values), values


def times(rows: tf.Tensor, n_rows: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    """A sparse matrix of n_rows rows times a dense one; with none at all TensorFlow's product ends the process."""
    nothing = tf.zeros([0, dense.shape[1]], dense.dtype)
    return tf.cond(n_rows > 0, lambda: tf.raw_ops.SparseMatrixMatMul(a=rows, b=dense), lambda: nothing)


class Product:
    """Rows of left @ right, dense, for matrices whose product would not fit: int32 [b] -> float32 [b, right.n_cols].

    The few rows of `right` with very many non-zeros, which take most of the work where what is popular is common, are
    kept dense, up to `memory_mb` (2^20 bytes); those of the rest are added up one by one.
    """

    def __init__(self, left: CSR, right: CSR, memory_mb: int):
        dense = dense_rows(right, memory_mb)
        self.n_cols, self._dense = right.n_cols, None
        to_dense = np.isin(left.indices, dense)
        if to_dense.any():
            place = np.full(right.n_rows, -1, np.int32)
            place[dense] = np.arange(len(dense))
            self._of_dense = Rows(_part(left, to_dense, place, len(dense)))
            with tf.device(CPU):
                self._dense = tf.constant(_made_dense(right, place, len(dense)))
        self._has_few = not to_dense.all()
        self._of_few, self._few = Rows(_part(left, ~to_dense)), Rows(right)

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        with tf.device(CPU):
            parts = []
            if self._dense is not None:
                owners, cols, values = self._of_dense(ids)
                values = tf.ones_like(cols, tf.float32) if values is None else values
                block = sparse_matrix(owners, cols, values, (tf.size(ids), self._dense.shape[0]))
                parts.append(times(block, tf.size(ids), self._dense))
            if self._has_few:
                parts.append(self._added(ids))
            return tf.add_n(parts) if parts else tf.zeros([tf.size(ids), self.n_cols])

    def _added(self, ids: tf.Tensor) -> tf.Tensor:
        """In pieces of about VOTES products: what is gathered for them is larger than the result."""
        found = self._of_few.places(ids)
        chosen = tf.gather(self._of_few.indices, found.values)
        lengths = tf.gather(self._few.indptr, chosen + 1) - tf.gather(self._few.indptr, chosen)
        ends = tf.gather(tf.pad(tf.cumsum(lengths), [[1, 0]]), found.row_splits)  # products before each id
        pieces, _ = tf.unique(ends[1:] // VOTES)  # they ascend
        cuts = tf.concat([tf.searchsorted(ends[1:] // VOTES, pieces), [tf.size(ids)]], axis=0)
        n_pieces = tf.size(pieces)

        def one(piece, sums):
            low, high = cuts[piece], cuts[piece + 1]
            splits = found.row_splits[low : high + 1]
            return piece + 1, sums.write(piece, self._sums(found.values[splits[0] : splits[-1]], splits - splits[0]))

        sums = tf.TensorArray(tf.float32, n_pieces, infer_shape=False, element_shape=[None, self.n_cols])
        return tf.while_loop(lambda piece, _: piece < n_pieces, one, (0, sums), parallel_iterations=1)[1].concat()

    def _sums(self, places: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
        """places: of non-zeros on the left, [n], in rows by splits, [b + 1]."""
        votes = self._few.places(tf.gather(self._of_few.indices, places))
        values = None if self._few.values is None else tf.gather(self._few.values, votes.values)
        if self._of_few.values is not None:
            weights = tf.gather(tf.gather(self._of_few.values, places), votes.value_rowids())
            values = weights if values is None else values * weights
        return tf.raw_ops.RaggedBincount(
            splits=tf.gather(votes.row_splits, splits),
            values=tf.gather(self._few.indices, votes.values),
            size=self.n_cols,
            weights=tf.ones(tf.shape(votes.values)) if values is None else values,
        )


def dense_rows(matrix: CSR, memory_mb: int) -> np.ndarray:
    """Ids of the rows to be kept dense: those with the most non-zeros, as many as may and are worth it."""
    most = memory_mb * 2**20 // (4 * max(matrix.n_cols, 1))
    longest = np.argsort(-matrix.row_lengths, kind="stable")[:most]
    return longest[matrix.row_lengths[longest] > DENSE_SHARE * matrix.n_cols]


def _part(matrix: CSR, kept: np.ndarray, place: np.ndarray | None = None, n_cols: int = 0) -> CSR:
    """Some of the non-zeros, with columns called by their `place`."""
    cols = matrix.indices[kept]
    indptr = np.append(0, np.cumsum(np.bincount(matrix.rows[kept], minlength=matrix.n_rows)))
    values = None if matrix.values is None else matrix.values[kept]
    return CSR(indptr, cols if place is None else place[cols], n_cols or matrix.n_cols, values)


def _made_dense(matrix: CSR, place: np.ndarray, n: int) -> np.ndarray:
    found = np.zeros((n, matrix.n_cols), np.float32)
    kept = place[matrix.rows] >= 0
    values = np.float32(1) if matrix.values is None else matrix.values[kept]
    found[place[matrix.rows[kept]], matrix.indices[kept]] = values
    return found
