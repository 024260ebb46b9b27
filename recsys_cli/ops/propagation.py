"""Propagation over a graph: products of sparse matrices with rows of vectors, and their gradients.

A product is summed row by row, each row by one thread and in the order of its columns: the same bytes in
every run and with any number of threads. A transposed product has no such order, so the transposed matrix is
kept beside the matrix, and the gradient is a product by rows as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.ops.compiled import compiled
from recsys_cli.ops.layers import dropout

Product = Callable[[tf.Tensor], tf.Tensor]


class Operator(NamedTuple):
    """y = M x, with the gradient dx = M' dy. Called with x: [columns of M, d], returns [rows of M, d]."""

    product: Product
    transposed: Product

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.custom_gradient(lambda x: (self.product(x), self.transposed))(x)

    @property
    def T(self) -> Operator:
        return Operator(self.transposed, self.product)


class SparseMatrix:
    """A sparse matrix whose places are constant: as it is, with some of its non-zeros dropped, or with other values.

    Built once, outside of compiled loops, which take it in as it is.
    """

    def __init__(self, matrix: CSR, dtype: tf.DType = tf.float32):
        values = np.ones(matrix.nnz) if matrix.values is None else matrix.values
        self.values = tf.constant(values, dtype)
        on_gpu = tf.config.list_logical_devices("GPU")
        self._layout = _Segments(matrix) if on_gpu else _Rows(matrix, self.values.dtype)
        self.whole = self._layout.operator(self.values)

    def dropped(self, rate: float, noise: tf.Tensor, purpose: str) -> Operator:
        """Drops each non-zero with probability `rate` and divides the rest by 1 - rate, as layers.dropout."""
        return self._layout.operator(dropout(self.values, rate, noise, purpose))

    def with_values(self, values: tf.Tensor) -> Operator:
        """The matrix with other values, in the order of its non-zeros: [nnz], a variable's or a tensor's.

        They get no gradient: see `product` where they are learnt.
        """
        return self._layout.operator(tf.stop_gradient(values))

    def product(self, values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """with_values(values)(x), with gradients to both: d values = dy[row] . x[column], at nnz x d numbers."""

        @tf.custom_gradient
        def multiply(values, x):
            operator = self.with_values(values)

            def gradient(dy):
                rows, cols = self._layout.places()
                return tf.reduce_sum(tf.gather(dy, rows) * tf.gather(x, cols), axis=1), operator.transposed(dy)

            return operator.product(x), gradient

        return multiply(tf.convert_to_tensor(values), x)


class _Rows:
    """For CPUs: compressed rows, ten times as fast as tf.sparse.sparse_dense_matmul (Beibei, d = 64)."""

    def __init__(self, matrix: CSR, dtype: tf.DType):
        self._indices = tf.constant(np.stack([matrix.rows, matrix.indices], axis=1), tf.int64)
        self._shape = matrix.n_rows, matrix.n_cols
        # Matrices that a function returns know their shape and type, which compiled loops ask for.
        self._compressed = compiled(self._compress, tf.TensorSpec([matrix.nnz], dtype))

    def _compress(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        matrix = tf.raw_ops.SparseTensorToCSRSparseMatrix(
            indices=self._indices, values=values, dense_shape=tf.constant(self._shape, tf.int64)
        )
        return matrix, tf.raw_ops.SparseMatrixTranspose(input=matrix, conjugate=False, type=values.dtype)

    def places(self) -> list[tf.Tensor]:
        """Row and column of every non-zero."""
        return tf.unstack(self._indices, axis=1)

    def operator(self, values: tf.Tensor) -> Operator:
        matrix, transposed = self._compressed(values)
        return Operator(
            lambda x: tf.raw_ops.SparseMatrixMatMul(a=matrix, b=x),
            lambda y: tf.raw_ops.SparseMatrixMatMul(a=transposed, b=y),
        )


class _Segments:
    """For GPUs, whose product of compressed rows is not deterministic: gathered vectors, summed by row."""

    def __init__(self, matrix: CSR):
        # segment_sum returns rows up to the last one it sees: a pair of value 0 in the last row and column.
        rows, cols = np.append(matrix.rows, matrix.n_rows - 1), np.append(matrix.indices, matrix.n_cols - 1)
        by_col = np.argsort(cols, kind="stable")
        self._rows, self._cols, self._by_col = (tf.constant(a, tf.int32) for a in (rows, cols, by_col))
        self._sorted_cols, self._their_rows = (tf.constant(a[by_col], tf.int32) for a in (cols, rows))
        self._shape = matrix.n_rows, matrix.n_cols

    def places(self) -> list[tf.Tensor]:
        return [self._rows[:-1], self._cols[:-1]]

    def operator(self, values: tf.Tensor) -> Operator:
        values = tf.concat([values, tf.zeros([1], values.dtype)], axis=0)[:, None]
        transposed = tf.gather(values, self._by_col)
        n_rows, n_cols = self._shape

        def product(values, x, sources, targets, n_targets):
            total = tf.math.segment_sum(values * tf.gather(x, sources), targets)
            return tf.ensure_shape(total, [n_targets, None])

        return Operator(
            lambda x: product(values, x, self._cols, self._rows, n_rows),
            lambda y: product(transposed, y, self._their_rows, self._sorted_cols, n_cols),
        )


class Layer(NamedTuple):
    """One propagation over a bipartite graph: the two halves of its matrix."""

    to_users: Operator  # [n_users, n_items]
    to_items: Operator  # [n_items, n_users]

    def __call__(self, users: tf.Tensor, items: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.to_users(items), self.to_items(users)

    @property
    def T(self) -> Layer:
        return Layer(self.to_items.T, self.to_users.T)

    def mean_of_powers(self, users: tf.Tensor, items: tf.Tensor, n: int) -> tuple[tf.Tensor, tf.Tensor]:
        """(E + A E + ... + A^n E) / (n + 1) for E = [users; items]; its memory does not grow with n."""

        @tf.custom_gradient
        def mean(users, items):
            def gradient(*upstream):
                users, items = map(tf.convert_to_tensor, upstream)
                return self.T._mean_of_powers(users, items, n)

            return self._mean_of_powers(users, items, n), gradient

        return mean(users, items)

    def _mean_of_powers(self, users, items, n):
        u, i = users, items
        for _ in range(n):  # Horner's scheme
            u, i = users + self.to_users.product(i), items + self.to_items.product(u)
        return u / (n + 1), i / (n + 1)


class BipartiteGraph:
    """A_hat = D^-1/2 A D^-1/2 of the observed pairs of users and items: no self loops, isolated nodes give 0.

    rate: the probability with which a training step drops a non-zero of A_hat. The two directions of a pair
    are two non-zeros of the square matrix and dropped independently: A_hat is then no longer symmetric.
    """

    def __init__(self, pairs: CSR, rate: float = 0.0, dtype: tf.DType = tf.float32):
        matrix = normalized(pairs)
        to_users = SparseMatrix(matrix, dtype)
        self.whole = Layer(to_users.whole, to_users.whole.T)
        self._rate = rate
        self._halves = (to_users, SparseMatrix(matrix.T, dtype)) if rate else ()

    def layer(self, noise: tf.Tensor | None, purpose: str) -> Layer:
        """noise: int [2], the seed of this step, or None when not training; purpose: names the two masks."""
        if noise is None or not self._rate:
            return self.whole
        sides = zip(self._halves, ("to users", "to items"))
        return Layer(*(half.dropped(self._rate, noise, f"{purpose}/{side}") for half, side in sides))


def normalized(pairs: CSR) -> CSR:
    """The pairs with values 1 / sqrt(|N_u| |N_v|)."""
    degrees = pairs.row_lengths[pairs.rows] * pairs.col_counts[pairs.indices]
    return replace(pairs, values=1.0 / np.sqrt(degrees))
