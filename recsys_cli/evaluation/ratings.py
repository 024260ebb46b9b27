"""Errors of predicted ratings.

    RMSE      (1/n sum (r - r^)^2)^(1/2)    MAE      1/n sum |r - r^|        over all n held-out pairs
    UserRMSE  mean over users of their own  UserMAE  the same of their MAE

A user with many pairs counts that often in the first two; intervals resample users all the same, whose pairs are not
independent.
"""

from __future__ import annotations

import numpy as np

from recsys_cli.evaluation.metrics import Pooled

POWERS = {"RMSE": 2.0, "MAE": 1.0}


def rating_metrics(
    users: np.ndarray, ratings: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray | Pooled]]:
    """Of held-out pairs, [n] each, in any order: the users with pairs, ascending int32 [m], and all four metrics."""
    errors = np.abs(np.asarray(ratings, np.float64) - predicted)
    known, place, counts = np.unique(users, return_inverse=True, return_counts=True)
    found: dict[str, np.ndarray | Pooled] = {}
    for name, power in POWERS.items():
        by_user = (np.bincount(place, errors**power) / counts) ** (1 / power)
        found |= {name: Pooled(by_user, counts, power), f"User{name}": by_user}
    return known, found
