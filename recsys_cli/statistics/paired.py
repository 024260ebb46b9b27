"""Two rows of results over the same users (or the same seeds): is the difference more than chance, and how large is it.

All take differences, float [n], one per user: the value of one model less that of the other. All tests are two-sided.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recsys_cli.ops.streams import generator
from recsys_cli.statistics.distributions import normal_tails, t_quantile, t_tails

RESAMPLES = 10_000
EXACT_SIGNS = 14  # differences up to which all 2^n assignments of signs are looked at
EXACT_RANKS = 50  # ... and up to which the distribution of the signed rank sum is counted out
CHUNK = 256


class Test(NamedTuple):
    """p: of the differences under the hypothesis that both are equally good; None where it cannot be said."""

    statistic: float
    p: float | None


class Effect(NamedTuple):
    """mean: of the differences, with an interval of 95 %. cohen_d: mean / standard deviation of the differences (d_z).

    better, worse, equal: of how many users. None where there is no such number (one user; all differences equal).
    """

    n: int
    mean: float
    low: float | None
    high: float | None
    cohen_d: float | None
    better: int
    worse: int
    equal: int


def t_test(differences: np.ndarray) -> Test:
    """Student's paired t test; it says nothing where all differences are the same, unless they are 0."""
    n, mean, sd = _moments(differences)
    if n < 2 or sd == 0:
        return Test(0.0, 1.0 if n > 1 and mean == 0 else None)
    t = mean / (sd / math.sqrt(n))
    return Test(t, t_tails(t, n - 1))


def wilcoxon(differences: np.ndarray) -> Test:
    """Wilcoxon's signed-rank test (1945); statistic: the smaller of the two rank sums.

    Differences of 0 are left out. Exact where there are at most 50 others of different sizes, else by the normal
    approximation with the correction for ties.
    """
    left = differences[differences != 0]
    n = len(left)
    if n == 0:
        return Test(0.0, 1.0 if len(differences) else None)
    _, place, counts = np.unique(np.abs(left), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    plus = float(ranks[left > 0].sum())
    smaller = min(plus, n * (n + 1) / 2 - plus)
    if n <= EXACT_RANKS and len(counts) == n:
        return Test(smaller, min(1.0, 2 * _share_of_rank_sums(n, round(smaller))))
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((counts**3 - counts).sum()) / 48
    return Test(smaller, normal_tails((smaller - n * (n + 1) / 4) / math.sqrt(variance)))


def randomisation(differences: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Test:
    """Fisher's randomisation test: were the signs of the differences drawn, how often would their mean be as far from 0.

    Exact up to 14 differences other than 0; beyond, p = (1 + those as far) / (1 + resamples), which is never 0. The
    signs of differences of equal size are drawn at once, as a binomial number, which is the same.
    """
    left = differences[differences != 0].astype(float)
    statistic = float(differences.mean()) if len(differences) else 0.0
    if not len(left):
        return Test(statistic, 1.0 if len(differences) else None)
    far = abs(left.sum()) - 1e-9 * np.abs(left).sum()  # what is equal but for rounding counts
    if len(left) <= EXACT_SIGNS:
        bits = np.arange(2 ** len(left))[:, None] >> np.arange(len(left)) & 1
        return Test(statistic, float(np.mean(np.abs((2 * bits - 1) @ left) >= far)))
    sizes, counts = np.unique(np.abs(left), return_counts=True)
    random, totals = generator(seed, "randomisation"), np.zeros(resamples)
    for size, count in zip(sizes[counts > 1], counts[counts > 1]):
        totals += size * (2.0 * random.binomial(count, 0.5, resamples) - count)
    single = sizes[counts == 1]
    for start in range(0, len(single), CHUNK):
        part = single[start : start + CHUNK]
        signs = np.unpackbits(random.integers(0, 256, (len(part), -(-resamples // 8)), np.uint8), axis=1)
        totals += 2 * (part @ signs[:, :resamples].astype(float)) - part.sum()
    return Test(statistic, (1 + int(np.count_nonzero(np.abs(totals) >= far))) / (1 + resamples))


TESTS = {"randomisation": randomisation, "t": t_test, "wilcoxon": wilcoxon}


def effect(differences: np.ndarray, seed: int = 0, resamples: int = 1000, level: float = 0.95) -> Effect:
    """How large the difference is, with the bootstrap percentile interval over users (Efron 1979)."""
    return _effect(differences, *bootstrap_interval(differences, seed, resamples, level))


def effect_over_seeds(differences: np.ndarray, level: float = 0.95) -> Effect:
    """The same with an interval by Student's t: a few seeds are too few to be drawn from."""
    n, mean, sd = _moments(differences)
    if n < 2:
        return _effect(differences, None, None)
    half = t_quantile(n - 1, level) * sd / math.sqrt(n)
    return _effect(differences, mean - half, mean + half)


def bootstrap_interval(
    values: np.ndarray, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[float | None, float | None]:
    """Of the mean, users drawn with replacement."""
    if len(values) < 2:
        return None, None
    random, n = generator(seed, "bootstrap of differences"), len(values)
    drawn = np.array([values[random.integers(0, n, n)].mean() for _ in range(resamples)])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _effect(differences: np.ndarray, low: float | None, high: float | None) -> Effect:
    n, mean, sd = _moments(differences)
    better, worse = int(np.count_nonzero(differences > 0)), int(np.count_nonzero(differences < 0))
    return Effect(n, mean, low, high, mean / sd if sd else None, better, worse, n - better - worse)


def _moments(differences: np.ndarray) -> tuple[int, float, float]:
    """Number, mean and standard deviation; the last is 0 where it is nothing but rounding."""
    n = len(differences)
    mean, sd = float(np.mean(differences)) if n else 0.0, float(np.std(differences, ddof=1)) if n > 1 else 0.0
    return n, mean, sd if sd > 1e-12 * abs(mean) else 0.0


def _share_of_rank_sums(n: int, at_most: int) -> float:
    """The share of the 2^n sign assignments whose positive ranks 1..n sum up to at most this."""
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, n + 1):
        ways[rank:] = ways[rank:] + ways[:-rank]
    return float(ways[: at_most + 1].sum() / 2.0**n)
