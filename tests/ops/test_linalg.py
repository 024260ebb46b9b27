"""The inverse in place, in blocks that do and do not divide the matrix."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.ops.linalg import invert_in_place


@pytest.mark.parametrize("block", [1, 7, 16, 100])
def test_the_inverse_takes_the_place_of_the_matrix(block):
    x = np.random.default_rng(0).random((60, 37))
    matrix = x.T @ x + 2 * np.eye(37)
    found = matrix.astype(np.float32)
    invert_in_place(found, "l2", block)
    np.testing.assert_allclose(found, np.linalg.inv(matrix), atol=2e-6)
    np.testing.assert_allclose(found, found.T, atol=1e-6)


@pytest.mark.parametrize("block", [1, 2, 100])
def test_what_is_not_positive_definite_is_refused(block):
    with pytest.raises(UserError, match="model.l2 is too small"):
        invert_in_place(np.array([[4, 2, 1], [2, 1, 3], [1, 3, 2]], np.float32), "model.l2", block)
