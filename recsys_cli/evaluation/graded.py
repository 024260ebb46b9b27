"""NDCG of held-out items that are worth more or less, by their ratings r (Jarvelin & Kekalainen 2002; Burges et al. 2005).

    NDCG@K = DCG / IDCG    DCG = sum of g(r) / log2(rank + 1) over the held-out items of rank <= K
                           IDCG = the same, were the held-out items first, those of higher g before the others

with g(r) = 2^r - 1 (`exponential`; HEM-AAE, eq. 20) or r (`value`), and 0 for what would be less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recsys_cli.evaluation.ranking import Ranks

GAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda ratings: np.maximum(np.exp2(ratings) - 1, 0),
    "value": lambda ratings: np.maximum(ratings, 0),
}


def graded_ndcg(ranks: Ranks, gains: np.ndarray, k: Sequence[int]) -> dict[str, np.ndarray]:
    """float64 [m] per name, such as "NDCG@5"; 0 where a user has nothing to gain. gains: [pairs], as ranks.items."""
    lengths = np.diff(ranks.indptr)
    user = np.repeat(np.arange(len(ranks.users)), lengths)
    place = np.arange(len(gains)) - np.repeat(ranks.indptr[:-1], lengths) + 1
    best = gains[np.lexsort((-gains, user))]
    found = {}
    for cutoff in k:
        dcg, ideal = (
            np.bincount(user, np.where(at <= cutoff, gain / np.log2(at + 1), 0), len(ranks.users))
            for at, gain in ((ranks.ranks, gains), (place, best))
        )
        found[f"NDCG@{cutoff}"] = np.divide(dcg, ideal, out=np.zeros_like(dcg), where=ideal > 0)
    return found
