"""How similar two columns of a matrix are, and which similarities pairs that go leave as they were.

s_vj = a_v b_j n_vj / (p_v q_j + shrinkage)        n_vj = sum of w_r over the rows r with both v and j
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.models.counts import Change

ID = np.uint64(2**32 - 1)  # the lower half of a key


class Measure(NamedTuple):
    """weights: w, [rows]; factors: a and b, norms: p and q, [columns] each. None: 1.

    normalised: the similarities of a column to its neighbours are divided by their sum.
    """

    weights: np.ndarray | None = None
    factors: tuple[np.ndarray, np.ndarray] | None = None
    norms: tuple[np.ndarray, np.ndarray] | None = None
    shrinkage: float = 0.0
    normalised: bool = False

    def of(self, counts: tf.Tensor, own: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """s of the columns own (v) and others (j) that are met so often (n_vj), float32 [n]."""
        if self.factors is not None:
            a, b = (tf.constant(f, tf.float32) for f in self.factors)
            counts = counts * tf.gather(a, own) * tf.gather(b, others)
        if self.norms is None:
            return counts
        p, q = (tf.constant(n, tf.float32) for n in self.norms)
        return tf.math.divide_no_nan(counts, tf.gather(p, own) * tf.gather(q, others) + self.shrinkage)


def moved_columns(before: Measure, after: Measure, change: Change) -> np.ndarray:
    """bool [after.n_cols]: the columns of which any n, a, b, p or q is not what it was; s of two others is the same."""
    x = change.before
    moved = np.zeros(x.n_cols, bool)
    moved[x.indices[change.gone]] = True
    if before.weights is not None and after.weights is not None:
        same = np.zeros(x.n_rows, bool)
        same[change.rows] = before.weights[change.rows] == after.weights
        moved[x.indices[~same[x.rows]]] = True
    moved = moved[change.columns]
    for old, new in ((before.factors, after.factors), (before.norms, after.norms)):
        for was, now in zip(old or (), new or ()):
            moved |= was[change.columns] != now
    return moved


def with_moved(
    ids: np.ndarray, values: np.ndarray, change: Change, moved: np.ndarray, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k nearest of every column that stays: ids, values, and which rows must be looked for among all columns.

    ids, values: [before.n_cols, k], as they were. moved: see `moved_columns`; candidates: float32 [after.n_cols, moved],
    how similar each column is to the moved ones now. What was not among the nearest and has not moved is worse than the
    last of them was, so that a row is whole as long as its last one now is no worse than that.
    """
    ids, values = ids[change.columns], values[change.columns]
    stays = np.zeros(change.before.n_cols, bool)
    stays[change.columns] = True
    place = np.minimum(np.cumsum(stays) - stays, len(change.columns) - 1)[ids]  # of what goes: that of the next one
    key = _keys(values, place)
    last = key[:, -1].copy()
    key[moved[place] | ~stays[ids]] = 0
    new = _keys(candidates, np.flatnonzero(moved))
    looked_at = np.flatnonzero((key != _keys(values, place)).any(axis=1) | (new > last[:, None]).any(axis=1))
    both = np.concatenate([key[looked_at], new[looked_at]], axis=1)
    k = ids.shape[1]
    best = np.sort(np.partition(both, both.shape[1] - k, axis=1)[:, -k:], axis=1)[:, ::-1]
    key[looked_at] = best
    whole = moved.copy()
    whole[looked_at] |= best[:, -1] < last[looked_at]
    found = (key >> np.uint64(32)).astype(np.uint32).view(np.float32)
    return np.where(key > 0, ID - (key & ID), 0).astype(np.int32), found, whole


def _keys(values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """uint64 that ascend as similarities do, the higher id first where they tie; 0: not similar at all. values: >= 0."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return np.where(values > 0, bits << np.uint64(32) | (ID - ids.astype(np.uint64)), np.uint64(0))
