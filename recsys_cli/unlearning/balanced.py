"""Balanced partition around moving centres: every shard takes the points nearest
to its centre until it is full.

Thesis algorithms 6.1 (users), 6.2 (items) and 6.3 (interactions, whose distance is the product of those of
user and item); Chen et al., Recommendation Unlearning, WWW 2022. The algorithm sorts all (point, centre)
pairs by distance and walks through them. The same result comes without the sort: points choose their nearest
open centre, the centre that is full first closes and sends away those that came after, and so on, at most
once per centre.

Deviations from the released code:
1. A centre is the mean VECTOR of its members; there it is one number, the mean over
   members and dimensions (`scalar`).
2. It stops when nothing moves; there it does 50 rounds always.
3. A shard without members keeps its centre; there it becomes NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHUNK = 2**15  # points at a time: their distances stay in the cache


@dataclass(frozen=True)
class View:
    """One of the vectors that a point has.

    vectors: [m, d]. index: int [n], which of them each point has, or None where point i has vector i.
    """

    vectors: np.ndarray
    index: np.ndarray | None = None


def balanced_shards(
    views: Sequence[View],
    first: np.ndarray,
    capacity: float,
    rounds: int,
    *,
    scalar: bool = False,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """int [n]: the shard of every point, at most `rounds` rounds.

    Distance: product over the views of the squared Euclidean distance. first: the points that are the first
    centres, [K]. capacity: a shard takes points while its count (or the sum of their weights [n]) is below.
    """
    views = [View(np.asarray(v.vectors, np.float64), v.index) for v in views]
    centres = [v.vectors[first if v.index is None else v.index[first]] for v in views]
    shard = np.empty(0, np.int16)  # none yet
    for _ in range(rounds):
        before, shard = shard, nearest_first([*map(_distances, views, centres)], capacity, weights)
        if np.array_equal(before, shard):
            break
        centres = [_centres(view, shard, old, scalar) for view, old in zip(views, centres)]
    return shard


def nearest_first(tables: Sequence[View], capacity: float, weights: np.ndarray | None = None) -> np.ndarray:
    """int [n]: (point, centre) pairs are taken by ascending distance, ties by point, then by centre.

    tables: distances [K, m] to every centre in the place of vectors; those of a point are multiplied.
    """
    n_shards, n = len(tables[0].vectors), _n_points(tables)
    open_shards = list(range(n_shards))
    closing: dict[int, tuple[float, int] | None] = {}
    best, choice = np.empty(n), np.empty(n, np.int16)
    _choose(tables, open_shards, np.arange(n), best, choice)
    while True:
        for k in set(open_shards) - set(closing):
            members = np.flatnonzero(choice == k)
            closing[k] = _last_accepted(members, best[members], capacity, weights)
        full = [(*end, k) for k in open_shards if (end := closing[k])]
        if not full or len(open_shards) == 1:
            return choice
        last, point, k = min(full)
        open_shards.remove(k)
        members = np.flatnonzero(choice == k)
        later = members[(best[members] > last) | ((best[members] == last) & (members > point))]
        if len(later):
            _choose(tables, open_shards, later, best, choice)
            for reached in np.unique(choice[later]):
                del closing[reached]


def _choose(tables, shards: Sequence[int], points: np.ndarray, best: np.ndarray, choice: np.ndarray) -> None:
    """Sets distance and number of the nearest of these shards, the first one of several, for these points."""
    for start in range(0, len(points), CHUNK):
        chunk = points[start : start + CHUNK]
        index = [chunk if t.index is None else t.index[chunk] for t in tables]
        nearest, which = np.full(len(chunk), np.inf), np.full(len(chunk), shards[0], np.int16)
        for k in shards:
            distance = tables[0].vectors[k][index[0]]
            for table, i in zip(tables[1:], index[1:]):
                distance *= table.vectors[k][i]
            nearer = distance < nearest
            np.copyto(nearest, distance, where=nearer)
            np.copyto(which, k, where=nearer, casting="unsafe")
        best[chunk], choice[chunk] = nearest, which


def _last_accepted(members, distance, capacity, weights) -> tuple[float, int] | None:
    """Distance and point with which a shard becomes full; None where it does not. members: ascending."""
    if weights is not None:
        order = np.argsort(distance, kind="stable")
        place = np.searchsorted(np.cumsum(weights[members[order]]), capacity)
        return None if place == len(members) else (distance[order[place]], members[order[place]])
    size = math.ceil(capacity)
    if len(members) < size:
        return None
    last = np.partition(distance, size - 1)[size - 1]
    ties = members[distance == last]
    return last, ties[size - 1 - np.count_nonzero(distance < last)]


def _n_points(tables: Sequence[View]) -> int:
    return tables[0].vectors.shape[1] if tables[0].index is None else len(tables[0].index)


def _distances(view: View, centres: np.ndarray) -> View:
    """Squared distances [K, m], by differences: a point at its own centre must be at 0 exactly."""
    return View(np.stack([np.square(view.vectors - c).sum(axis=1) for c in centres]), view.index)


def _centres(view: View, shard: np.ndarray, old: np.ndarray, scalar: bool) -> np.ndarray:
    """[K, d]"""
    m, index = len(view.vectors), np.arange(len(shard)) if view.index is None else view.index
    counts = np.bincount(shard * np.int64(m) + index, minlength=len(old) * m).reshape(len(old), m)
    sizes = counts.sum(axis=1, keepdims=True)
    means = np.einsum("km,md->kd", counts, view.vectors) / np.maximum(sizes, 1)
    if scalar:
        means = np.broadcast_to(means.mean(axis=1, keepdims=True), means.shape)
    return np.where(sizes > 0, means, old)
