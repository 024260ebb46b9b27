"""Membership by likelihood ratios: does a model score a pair as those do that were trained on it, or as the others do?

LiRA (Carlini et al., IEEE S&P 2022) with one variance for all pairs, which few reference models call for. Pairs of one user
are not independent: intervals resample whole users.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys_cli.evaluation.summary import Interval
from recsys_cli.ops.streams import generator
from recsys_cli.statistics.corrections import benjamini_hochberg
from recsys_cli.statistics.distributions import normal_tails

RATE, RESAMPLES = 0.01, 500
LEVEL = 0.05


class Power(NamedTuple):
    """Of a test that tells members from others. auc: 0.5 is chance. caught: true-positive rate at 1 % false positives."""

    auc: Interval
    caught: Interval


def ratios(scores: np.ndarray, references: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float64 [pairs]: the log of how much likelier the scores [pairs] are of a model that was trained on the pair.

    references: [k, pairs], known: bool [k, pairs]; every pair needs one reference of either kind.
    """
    inside, outside = (_mean(references, which) for which in (known, ~known))
    residual = references - np.where(known, inside, outside)
    variance = float((residual**2).sum() / max(1, residual.size - 2 * residual.shape[1]))
    return ((scores - outside) ** 2 - (scores - inside) ** 2) / (2 * max(variance, 1e-12))


def auc_of(values: np.ndarray, members: np.ndarray) -> float:
    """The share of pairs of a member and another whose values are in the right order; ties count half."""
    order = np.argsort(-values, kind="stable")
    values, members = values[order], members[order]
    found = _rates(np.ones(len(values)), members, np.append(values[1:] != values[:-1], True))
    return 0.5 if found is None else found[0]


def power(values: np.ndarray, members: np.ndarray, users: np.ndarray, seed: int) -> Power:
    """values: of `ratios`. members: bool [pairs]. users: the owner of each pair."""
    _, owner = np.unique(users, return_inverse=True)
    order = np.argsort(-values, kind="stable")
    values, members, owner = values[order], members[order], owner[order]
    last = np.append(values[1:] != values[:-1], True)  # of pairs with the same value
    random, n = generator(seed, "audits/bootstrap"), int(owner.max()) + 1
    mean = _rates(np.ones(len(values)), members, last)
    drawn = []
    for _ in range(RESAMPLES):
        found = _rates(np.bincount(random.integers(0, n, n), minlength=n)[owner].astype(float), members, last)
        if found is not None:
            drawn.append(found)
    if mean is None or len(drawn) < RESAMPLES / 2:
        return Power(*(Interval(0.5 if mean is None else mean[n], 0.0, 1.0) for n in (0, 1)))
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    return Power(*(Interval(float(mean[n]), float(low[n]), float(high[n])) for n in (0, 1)))


class People(NamedTuple):
    """users: ids, [n]. pairs: of each that were tested. ratio: mean over them. p: that a model which never saw the pairs
    has as high a one; corrected: for the number of users. known: the verdict."""

    users: np.ndarray
    pairs: np.ndarray
    ratio: np.ndarray
    p: np.ndarray
    corrected: np.ndarray
    known: np.ndarray


def people(values: np.ndarray, floor: np.ndarray, users: np.ndarray) -> People:
    """values: ratios of the pairs to be forgotten, [pairs]; floor: the same by models that never saw them, [m, pairs]."""
    ids, owner, counts = np.unique(users, return_inverse=True, return_counts=True)
    means = np.bincount(owner, values) / counts
    null = np.stack([np.bincount(owner, row) / counts for row in floor])
    scaled = (null - null.mean()) * np.sqrt(counts)
    sd = max(float(scaled.std()), 1e-12)
    z = (means - null.mean()) * np.sqrt(counts) / sd
    p = np.array([normal_tails(v) / 2 if v > 0 else 1 - normal_tails(v) / 2 for v in z])
    corrected = np.array(benjamini_hochberg(p.tolist()), float)
    return People(ids, counts, means, p, corrected, corrected < LEVEL)


def _mean(references: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.where(which, references, 0).sum(axis=0) / np.maximum(which.sum(axis=0), 1)


def _rates(weights: np.ndarray, members: np.ndarray, last: np.ndarray) -> tuple[float, float] | None:
    """AUC and true-positive rate, pairs from the highest value down; None where one kind has no weight."""
    true = np.cumsum(weights * members)[last]
    false = np.cumsum(weights * ~members)[last]
    if not true[-1] or not false[-1]:
        return None
    true, false = true / true[-1], false / false[-1]
    steps = np.diff(false, prepend=0.0)
    auc = float((steps * (true - np.diff(true, prepend=0.0) / 2)).sum())
    below = false <= RATE
    return auc, float(true[below].max()) if below.any() else 0.0
