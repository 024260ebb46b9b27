"""Errors of predicted ratings, over all held-out pairs.

    RMSE  (1/n sum (r - r^)^2)^(1/2)      MAE  1/n sum |r - r^|

A user with many pairs counts that often; intervals still resample users, whose pairs are not independent.
"""

from __future__ import annotations

import numpy as np

from recsys_cli.evaluation.metrics import Pooled

POWERS = {"RMSE": 2.0, "MAE": 1.0}


def rating_metrics(
    users: np.ndarray, ratings: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, dict[str, Pooled]]:
    """Of held-out pairs, [n] each, in any order: the users with pairs, ascending int32 [m], and RMSE and MAE."""
    errors = np.abs(np.asarray(ratings, np.float64) - predicted)
    known, place, counts = np.unique(users, return_inverse=True, return_counts=True)

    def by_user(power: float) -> np.ndarray:
        return (np.bincount(place, errors**power) / counts) ** (1 / power)

    return known, {name: Pooled(by_user(power), counts, power) for name, power in POWERS.items()}
