"""p values of many tests, corrected for their number. A test without a p value (None) is not counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down procedure (1979): the chance of one false discovery or more stays below the level."""
    return _spread(p, lambda ascending, m: np.maximum.accumulate(ascending * np.arange(m, 0, -1)))


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg (1995): the expected share of false discoveries stays below the level."""
    return _spread(p, lambda ascending, m: np.minimum.accumulate((ascending * m / np.arange(1, m + 1))[::-1])[::-1])


CORRECTIONS = {"Holm": holm, "BH": benjamini_hochberg}


def _spread(p: Sequence[float | None], corrected) -> list[float | None]:
    """corrected(ascending [m], m) of the p values that there are, each at its place again."""
    places = [place for place, value in enumerate(p) if value is not None]
    values = np.array([p[place] for place in places], float)
    order = np.argsort(values, kind="stable")
    found: list[float | None] = [None] * len(p)
    for place, value in zip(order, corrected(values[order], len(values))):
        found[places[place]] = min(1.0, float(value))
    return found
