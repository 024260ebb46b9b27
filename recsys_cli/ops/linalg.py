"""Symmetric positive definite systems in float32."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError

NOT_SOLVED = "{key} is too small: the equations cannot be solved in float32. Raise it."


def solve_positive_definite(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """X of matrix @ X = right: [..., n, n], [..., n, k] -> [..., n, k]. By Cholesky, half the work of LU."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), right)


def check_solved(solution: tf.Tensor, key: str) -> None:
    """A factorisation that fails leaves NaN; key: the setting that makes the matrix better behaved."""
    if not tf.math.is_finite(tf.reduce_sum(solution)):
        raise UserError(NOT_SOLVED.format(key=key))


def invert_in_place(a: np.ndarray, key: str, block: int = 512) -> None:
    """The inverse of a symmetric positive definite float32 matrix, [n, n], in its own memory and 3 n block numbers more.

    By the sweep operator (Beaton 1964; Goodnight 1979), a block of rows at a time, on the lower triangle: n^3 / 2
    multiplications, all of them in products of matrices. A block is inverted in float64. key: as for `check_solved`.
    """
    n = len(a)
    columns, scaled = (np.empty((n, min(block, n)), np.float32) for _ in range(2))
    change = np.empty(2 * block * n, np.float32)
    for first in range(0, n, block):
        last = min(first + block, n)
        inverse = _inverse(a[first:last, first:last], key)
        c, s = columns[:, : last - first], scaled[:, : last - first]
        c[:first], c[first:] = a[first:last, :first].T, a[first:, first:last]
        np.matmul(c, inverse, out=s)
        for start in range(0, n, 2 * block):
            end = min(start + 2 * block, n)
            product = change[: (end - start) * end].reshape(-1, end)
            np.matmul(s[start:end], c[:end].T, out=product)
            a[start:end, :end] -= product
        a[first:last, :first], a[last:, first:last], a[first:last, first:last] = s[:first].T, s[last:], -inverse
    for first in range(0, n, block):  # what was swept is the negative of the inverse, below the diagonal
        last = min(first + block, n)
        np.negative(a[first:last, :last], out=a[first:last, :last])
        a[:first, first:last] = a[first:last, :first].T


def _inverse(block: np.ndarray, key: str) -> np.ndarray:
    try:
        root = np.linalg.inv(np.linalg.cholesky(block.astype(np.float64)))
    except np.linalg.LinAlgError:
        root = np.full(block.shape, np.nan)
    if not np.isfinite(root).all():
        raise UserError(NOT_SOLVED.format(key=key))
    return (root.T @ root).astype(np.float32)
