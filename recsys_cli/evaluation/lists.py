"""What lists of items say besides whether they hit: how they spread, how new and how various they are."""

from __future__ import annotations

import numpy as np

from data_prep.features import Features

CELLS = 1 << 22  # of a block of lists x values of features


def beyond_accuracy(items: np.ndarray, n_items: int) -> dict[str, float]:
    """How lists spread over the items. items: [m, k], -1 for an empty place.

    Coverage@k = |items in any list| / n_items. Gini@k = sum_i (2 i - n - 1) x_i / (n sum_i x_i), with x_1 <=
    ... <= x_n the numbers of lists that the n items are in: 0 when all items are recommended equally often,
    near 1 when a few take all places.
    """
    k = items.shape[1]
    counts = np.sort(np.bincount(items[items >= 0], minlength=n_items))
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    gini = float(weights @ counts) / (n_items * max(int(counts.sum()), 1))
    return {f"Coverage@{k}": float(np.count_nonzero(counts)) / n_items, f"Gini@{k}": gini}


def novelty(items: np.ndarray, counts: np.ndarray, n_users: int) -> np.ndarray:
    """float64 [m]: the mean of -log2(share of users who have the item in training), over the items of each list.

    items: int32 [m, k], -1 for an empty place. counts: [n_items]; an item without users counts as one with one.
    (Self-information, Zhou et al. 2010.)
    """
    bits = -np.log2(np.maximum(counts, 1) / n_users)
    there = items >= 0
    return np.where(there, bits[items], 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


def diversity(items: np.ndarray, features: Features) -> np.ndarray:
    """float64 [m]: 1 - the mean cosine of two items of a list, by the categories and numbers of their features.

    Items without features, and lists with fewer than two that have some, are left out (0). (Intra-list distance, Ziegler
    et al. 2005.)
    """
    lengths = np.diff(features.indptr)
    values = np.ones(len(features.indices)) if features.values is None else features.values.astype(float)
    norms = np.sqrt(np.bincount(np.repeat(np.arange(len(lengths)), lengths), values**2, minlength=len(lengths)))
    found = np.zeros(len(items))
    step = max(1, CELLS // max(1, features.n_values))
    for start in range(0, len(items), step):
        block = items[start : start + step]
        rows, places = np.nonzero((block >= 0) & (norms[block] > 0))
        chosen = block[rows, places]
        own = lengths[chosen]
        cells = np.repeat(features.indptr[chosen] - (np.cumsum(own) - own), own) + np.arange(own.sum())
        weights = values[cells] / np.repeat(norms[chosen], own)
        where = np.repeat(rows, own) * features.n_values + features.indices[cells]
        sums = np.bincount(where, weights, minlength=len(block) * features.n_values).reshape(len(block), -1)
        n = np.bincount(rows, minlength=len(block))
        pairs = n * (n - 1)
        found[start : start + step] = np.where(pairs > 0, 1 - ((sums**2).sum(axis=1) - n) / np.maximum(pairs, 1), 0.0)
    return found
