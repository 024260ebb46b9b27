"""Symmetric positive definite systems in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from data_prep.errors import UserError


def solve_positive_definite(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """X of matrix @ X = right: [..., n, n], [..., n, k] -> [..., n, k]; by Cholesky, half the work of an inverse."""
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), right)


@contextmanager
def regularised_by(key: str) -> Iterator[None]:
    """Turns a failed Cholesky factorisation into advice; key: the setting that makes the matrix better behaved."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if "Cholesky" not in str(error):
            raise
        raise UserError(f"{key} is too small: the equations cannot be solved in float32. Raise it.") from None
