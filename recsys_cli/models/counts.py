"""Models that know their pairs through counts: what pairs that go change in them, without solving all of it anew.

Counts are integers: taken out of them, a pair leaves nothing behind. What is solved from them afterwards, row by row and by
the same function in both ways, has the bytes of a solution of the remaining pairs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import SolvedModel
from recsys_cli.models.item_to_item import BLOCK_CELLS, CoOccurrence

TOGETHER = "together"  # X'X, [columns, columns], of the smallest unsigned integers that hold it
MOST_LOST = 0.1  # of the pairs; with more of them to go, counting what stays is the quicker way

Kept = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Change:
    """Pairs that go from a matrix, and the rows and columns that go with them.

    before, after: the matrix. rows, columns: ids of `before` that stay, ascending; their places in these lists are the
    ids of `after`. gone: bool [before.nnz].
    """

    before: CSR
    after: CSR
    rows: np.ndarray
    columns: np.ndarray
    gone: np.ndarray

    @classmethod
    def between(cls, before: CSR, after: CSR, rows: np.ndarray, columns: np.ndarray) -> Change:
        """after: a part of `before`, of these rows and columns."""
        place = np.full(before.n_cols, -1)
        place[columns] = np.arange(len(columns))
        gone, left = np.zeros(before.nnz, bool), before.row_lengths[rows]
        if len(columns) < before.n_cols:
            gone = place[before.indices] < 0
            left = np.bincount(before.rows[~gone], minlength=before.n_rows)[rows]
        for row in np.setdiff1d(np.arange(before.n_rows), rows).tolist():
            gone[before.indptr[row] : before.indptr[row + 1]] = True
        for new in np.flatnonzero(left != after.row_lengths).tolist():
            own = slice(before.indptr[rows[new]], before.indptr[rows[new] + 1])
            gone[own] |= ~np.isin(place[before.indices[own]], after.row(new))
        return cls(before, after, rows, columns, gone)

    @property
    def T(self) -> Change:
        gone = self.gone[np.argsort(self.before.indices, kind="stable")]
        return Change(self.before.T, self.after.T, self.columns, self.rows, gone)

    @property
    def is_large(self) -> bool:
        return bool(np.count_nonzero(self.gone) > MOST_LOST * len(self.gone))


class CountedModel(SolvedModel):
    """A model that can lose pairs."""

    def kept(self, most_mb: int) -> dict[str, np.ndarray]:
        """What `lose` wants beside the state, none of it needed to score; at most so many MB (2^20 bytes)."""
        return {}

    def lose(self, state: Kept, change: Change, most_mb: int) -> dict[str, np.ndarray] | None:
        """Solves this model, of the pairs that stay, from the state of the one before and what was `kept` with it;
        returns what is to be kept now. None: it has to be solved from its pairs, and nothing was done."""
        raise NotImplementedError


class KeptCounts:
    """X'X of a 0/1 matrix, kept; asked as `CoOccurrence` is."""

    def __init__(self, together: np.ndarray):
        self._together = together
        step = max(1, BLOCK_CELLS // max(len(together), 1))
        ids = np.arange(len(together), dtype=np.int32)
        self.blocks = [ids[first : first + step] for first in range(0, len(ids), step)]

    def dense(self, columns: np.ndarray) -> np.ndarray:
        return self._together[columns].astype(np.float32)

    def met(self, columns: np.ndarray) -> tuple[tf.RaggedTensor, tf.Tensor]:
        counts = self._together[columns]
        rows, ids = np.nonzero(counts)
        lengths = np.bincount(rows, minlength=len(columns))
        return tf.RaggedTensor.from_row_lengths(
            tf.constant(ids, tf.int32), tf.constant(lengths, tf.int64), validate=False
        ), tf.constant(counts[rows, ids], tf.float32)


def together(pairs: CSR, most_mb: int) -> dict[str, np.ndarray]:
    """X'X for X the 0/1 matrix `pairs`, to be kept, where it does not take too much."""
    kind = np.min_scalar_type(pairs.n_rows)
    if pairs.n_cols**2 * kind.itemsize > most_mb * 2**20:
        return {}
    counts, found = CoOccurrence(pairs), np.empty((pairs.n_cols, pairs.n_cols), kind)
    for block in counts.blocks:
        found[block] = counts.dense(block)
    return {TOGETHER: found}


def together_without(state: Kept, change: Change, most_mb: int) -> dict[str, np.ndarray]:
    """The same of what stays. state: may hold the counts before, which are written over."""
    if TOGETHER not in state or change.is_large:
        return together(change.after, most_mb)
    counts, x = state[TOGETHER], change.before
    for row in np.unique(x.rows[change.gone]).tolist():
        own, gone = x.row(row), change.gone[x.indptr[row] : x.indptr[row + 1]]
        counts[np.ix_(own[gone], own)] -= 1
        counts[np.ix_(own[~gone], own[gone])] -= 1
    if len(change.columns) < len(counts):
        counts = counts[np.ix_(change.columns, change.columns)]
    return {TOGETHER: counts.astype(np.min_scalar_type(change.after.n_rows), copy=False)}
