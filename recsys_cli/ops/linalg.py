"""Symmetric positive definite systems in float32."""

from __future__ import annotations

import tensorflow as tf

from data_prep.errors import UserError


def solve_positive_definite(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """X of matrix @ X = right: [..., n, n], [..., n, k] -> [..., n, k]. By Cholesky, half the work of LU."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), right)


def check_solved(solution: tf.Tensor, key: str) -> None:
    """A factorisation that fails leaves NaN; key: the setting that makes the matrix better behaved."""
    if not tf.math.is_finite(tf.reduce_sum(solution)):
        raise UserError(f"{key} is too small: the equations cannot be solved in float32. Raise it.")
