"""Results as distributions: over seeds, over users, by groups of users or items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)


class Groups(NamedTuple):
    """names: "1-8", ... of the m groups. of: int [n], the group of each."""

    names: list[str]
    of: np.ndarray

    def sizes(self) -> np.ndarray:
        return np.bincount(self.of, minlength=len(self.names))

    def means(self, values: np.ndarray) -> np.ndarray:
        """float64 [m]; NaN for a group without members."""
        sums = np.bincount(self.of, values, minlength=len(self.names))
        return np.divide(sums, self.sizes(), out=np.full(len(self.names), np.nan), where=self.sizes() > 0)


def percentiles(values: np.ndarray, at: Sequence[float] = PERCENTILES) -> list[float]:
    return [float(v) for v in np.percentile(values, at)]


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Over seeds; no standard deviation of one value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def groups_by_count(counts: np.ndarray, number: int = 5, bounds: Sequence[int] | None = None) -> Groups:
    """Members by a count, such as a user's training pairs.

    bounds: the highest count of each group but the last; None: such that about equally many of the members are in
    each of at most `number` groups, and members of one count in the same.
    """
    if bounds is None:
        shares = np.arange(1, number) / number
        bounds = np.unique(np.quantile(counts, shares, method="inverted_cdf")).tolist() if len(counts) else []
    bounds = [b for b in bounds if not len(counts) or b < counts.max()]
    lows = [min(int(counts.min()), bounds[0]) if bounds and len(counts) else 0, *(int(b) + 1 for b in bounds)]
    names = [f"{low}" if low == high else f"{low}-{high}" for low, high in zip(lows, map(int, bounds))]
    names.append(f"{lows[-1]} or more" if bounds else "all")
    return Groups(names, np.searchsorted(bounds, counts) if bounds else np.zeros(len(counts), int))
