"""Symmetric positive definite systems."""

from __future__ import annotations

import tensorflow as tf


def solve_positive_definite(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """X of matrix @ X = right: [..., n, n], [..., n, k] -> [..., n, k]; by Cholesky, half the work of an inverse."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), right)
