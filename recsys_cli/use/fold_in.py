"""Vectors for people that a factored model was not trained on, from what they chose: its item vectors stay as they are.

    p_u = argmin  sum over v chosen (1 - p . q_v)^2  +  sum over the others c_v (p . q_v)^2  +  l2 |p|^2
        = (Q' diag(c) Q + l2 I + sum over v chosen (1 - c_v) q_v q_v')^-1  sum over v chosen q_v

the whole-data loss (thesis chapter 3) of one more user, solved exactly, as the users' step of alternating least squares (Hu,
Koren & Volinsky 2008). c and l2 are those that the run was trained with, where its loss has them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recsys_cli.data.dataset import CSR
from recsys_cli.losses.whole_data import negative_weights
from recsys_cli.models.base import FactoredModel, Model
from recsys_cli.models.wmf_als import WeightedALS

USUAL = 0.1  # c of a run whose loss has none, as `loss.negative_weight` by default
# l2, in mean squared norms of an item vector. Of 0.0001, 0.01, 1 and 10 the one with which the users of the synthetic data,
# folded in, come nearest to their trained vectors in NDCG@10: ENMF 0.262 (trained 0.257), BPR 0.216 (0.212), LightGCN 0.237
# (0.235); with 0.0001: 0.191, 0.162, 0.167.
RIDGE = 10.0


class Weights(NamedTuple):
    """others: c, float64 [n_items]. l2: of the vector."""

    others: np.ndarray
    l2: float


def weights_of(config: Any, model: Model, items: np.ndarray) -> Weights:
    """config: the root node of the run. items: its item vectors, [n_items, d]."""
    n = len(items)
    if isinstance(model, WeightedALS):
        return Weights(np.full(n, float(model.config.negative_weight)), float(model.config.l2))
    others = np.full(n, USUAL)
    if isinstance(model, FactoredModel) and config.loss.name == "non_sampling":
        c0, by_item = negative_weights(config.loss.negative_weight, config.loss.get("popularity"), model)[model.target]
        others = np.full(n, c0) if by_item is None else c0 * by_item.astype(float)
    return Weights(others, RIDGE * float(np.mean(np.sum(np.square(items, dtype=np.float64), axis=1))))


def fold_in(items: np.ndarray, histories: CSR, weights: Weights) -> np.ndarray:
    """float32 [n, d]: a vector for each row of the histories, [n, n_items]; zeros for one without items."""
    q = items.astype(np.float64)
    common = (q * weights.others[:, None]).T @ q + weights.l2 * np.eye(q.shape[1])
    found = np.zeros((histories.n_rows, q.shape[1]), np.float32)
    for row in range(histories.n_rows):
        chosen = histories.row(row)
        v = q[chosen]
        found[row] = np.linalg.solve(common + (v * (1 - weights.others[chosen, None])).T @ v, v.sum(axis=0))
    return found
