"""Mining of hard examples: a short vector of each row of ratings, and for each row others that are like it and unlike it.

The vector is a tree of means (HEM-AAE, eq. 1-3): the root is the mean of all ratings of the row; a node of mean t hands
those above t to its first child and the others to its second. A child without ratings has the mean of its parent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys_cli.data.dataset import CSR

BLOCK_CELLS = 2**22  # of one block of distances
FILL = 1e6  # added to the distance of what only fills up a list


class Pool(NamedTuple):
    """anchors: int32 [a]; positives, negatives: int32 [a, n], rows that are like each anchor, and unlike it."""

    anchors: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def draw(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Triplets, int32 [a] each, in random order: every anchor with one of its positives and of its negatives."""
        order = random.permutation(len(self.anchors))
        places = [random.integers(0, side.shape[1], len(order)) for side in (self.positives, self.negatives)]
        return self.anchors[order], self.positives[order, places[0]], self.negatives[order, places[1]]


def tree_of_means(matrix: CSR, layers: int, unrated_as_zero: bool = False) -> np.ndarray:
    """float64 [rows, 2^layers - 1], by layers. unrated_as_zero: a place without a rating is one of 0."""
    rows, values = matrix.rows.astype(np.int64), np.asarray(matrix.values, float)
    weights = np.ones(matrix.nnz)
    if unrated_as_zero:
        rows = np.append(rows, np.arange(matrix.n_rows))
        values, weights = (
            np.append(values, np.zeros(matrix.n_rows)),
            np.append(weights, matrix.n_cols - matrix.row_lengths),
        )
    found, node = np.zeros((matrix.n_rows, 2**layers - 1)), np.zeros(len(rows), np.int64)
    for layer in range(layers):
        first, width = 2**layer - 1, 2**layer
        cells = rows * width + node - first
        counts = np.bincount(cells, weights, matrix.n_rows * width).reshape(-1, width)
        sums = np.bincount(cells, weights * values, matrix.n_rows * width).reshape(-1, width)
        parents = found[:, (np.arange(first, first + width) - 1) // 2] if layer else np.zeros_like(sums)
        found[:, first : first + width] = np.where(counts > 0, sums / np.maximum(counts, 1e-9), parents)
        node = 2 * node + 2 - (values > found[rows, node])
    return found


def mine(features: np.ndarray, rows: np.ndarray, how: str, n: int, margin: float, random: np.random.Generator) -> Pool:
    """features: [rows of the matrix, f]. rows: ids of those that have ratings, int32 [a]. n: positives per anchor.

    Positives are the n nearest by squared distance, negatives, as many, are among all others. With d the distance of the
    farthest positive: hard, the nearest; semi_hard, those up to d + margin; satisfied, those beyond d + margin, as the
    condition of the paper has it; all, any; of the last three at random, filled up by the nearest. none: an anchor is its
    own positive, and its negatives are any.
    """
    n = min(n, (len(rows) - 1) // 2)
    x = features[rows]
    positives, negatives = np.empty((2, len(rows), n), np.int32)
    squares, step = np.square(x).sum(axis=1), max(1, BLOCK_CELLS // len(rows))
    for first in range(0, len(rows), step):
        block = np.arange(first, min(first + step, len(rows)))
        distances = np.maximum(squares[block, None] + squares - 2 * x[block] @ x.T, 0)
        distances[np.arange(len(block)), block] = np.inf
        nearest = _lowest(distances, n)
        farthest = np.take_along_axis(distances, nearest, axis=1).max(axis=1, keepdims=True)
        if how == "none":
            nearest = np.repeat(block[:, None], n, axis=1)
        np.put_along_axis(distances, nearest, np.inf, axis=1)
        fits = {
            "hard": np.isfinite(distances),
            "semi_hard": distances <= farthest + margin,
            "satisfied": np.isfinite(distances) & (distances > farthest + margin),
        }.get(how, np.isfinite(distances))
        keys = distances if how == "hard" else random.random(distances.shape)
        positives[block] = rows[nearest]
        negatives[block] = rows[_lowest(np.where(fits, keys, FILL + distances), n)]
    return Pool(rows, positives, negatives)


def _lowest(values: np.ndarray, n: int) -> np.ndarray:
    """The columns of the n lowest values of each row, int64 [rows, n]."""
    return np.argpartition(values, n - 1, axis=1)[:, :n]
