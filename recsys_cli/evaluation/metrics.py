"""Metrics of held-out items, from their ranks alone.

Notation, for one user: T the number of held-out items; r_1 < ... < r_T their ranks in the list of all
candidates, counted from 1 (ranking.py); h_K the number of ranks <= K; C the number of candidates. Users
without held-out items have no value.

    HR@K         1 if h_K > 0, else 0
    Recall@K     h_K / T                         recall_divisor "test_items"
                 h_K / min(K, T)                 recall_divisor "min_k" (EHCF's code)
    Precision@K  h_K / K
    F1@K         2 P R / (P + R), 0 if h_K = 0   P = Precision@K, R = h_K / T with either divisor
    NDCG@K       DCG / IDCG                      DCG = sum of 1 / log2(r_i + 1) over r_i <= K
                                                 IDCG = sum over i = 1 .. min(n, K) of 1 / log2(i + 1)
                 ndcg "ideal": n = T (Jarvelin and Kekalainen 2002; ENMF, EHCF, LightGCN, RecEraser)
                 ndcg "kgat":  n = h_D, the hits in the first D = max(kgat_depth, all K) places; 0 if n = 0
                               (code of NGCF, KGAT, JNSKR, GHCF, with lists of 100: above "ideal" if T > h_D)
    MRR@K        1 / r_1 if r_1 <= K, else 0     (Voorhees 1999)
    MAP@K        sum of i / r_i over r_i <= K, divided by min(K, T)
                 (average precision of Buckley and Voorhees 2000, cut at K; trec_eval's map_cut divides by T)
    AUC          1 - sum_i (r_i - i) / (T (C - T)): the share of pairs of a held-out and another candidate
                 that are in the right order (Rendle et al. 2009); 0.5 if there is no such pair
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from data_prep.errors import UserError, nearest

if TYPE_CHECKING:
    from recsys_cli.evaluation.ranking import Ranks

KGAT_DEPTH = 100
CUT = {
    "HR": "hit_ratio",
    "Recall": "recall",
    "Precision": "precision",
    "F1": "f1",
    "NDCG": "ndcg",
    "MRR": "reciprocal_rank",
    "MAP": "average_precision",
}  # with a cut-off, and the method of _Table that computes it
METRICS = (*CUT, "AUC")


class Pooled(NamedTuple):
    """A metric by user that is no plain mean over users: (sum w x^p / sum w)^(1/p).

    values: x, float64 [m]; weights: w, [m]; power: p. RMSE over pairs has x the RMSE of a user, w the user's number of
    pairs and p = 2.
    """

    values: np.ndarray
    weights: np.ndarray
    power: float = 1.0

    @classmethod
    def of(cls, values: np.ndarray | Pooled) -> Pooled:
        """Plain values are a mean over users."""
        return values if isinstance(values, Pooled) else cls(values, np.ones(len(values)))


def has_direction(name: str) -> bool:
    """Whether one value of a metric of this program is better than another; Coverage and Gini describe lists."""
    return name.partition("@")[0] not in ("Coverage", "Gini")


def impossible_cutoffs(k: Sequence[int], n_items: int) -> list[int]:
    """Those that no list can have."""
    return [c for c in k if not 1 <= c <= n_items]


def check_cutoffs(k: Sequence[int], n_items: int) -> None:
    """Raises UserError for cut-offs that no list can have."""
    if wrong := impossible_cutoffs(k, n_items):
        raise UserError(
            f"cut-off {', '.join(map(str, wrong))} is not between 1 and {n_items}, the number of "
            "items that can be in a list: give other values for evaluation.k (or k)."
        )


def per_user_metrics(
    ranks: Ranks,
    k: Sequence[int],
    metrics: Sequence[str] = ("HR", "Recall", "NDCG"),
    *,
    recall_divisor: str = "test_items",
    ndcg: str = "ideal",
    kgat_depth: int = KGAT_DEPTH,
) -> dict[str, np.ndarray]:
    """float64 [m] per name, such as "HR@10" or "AUC"; definitions above."""
    _check_choice("recall_divisor", recall_divisor, ("test_items", "min_k"))
    _check_choice("ndcg", ndcg, ("ideal", "kgat"))
    table = _Table(ranks, recall_divisor, max(kgat_depth, *k) if ndcg == "kgat" else None)
    values = {}
    for metric in metrics:
        _check_choice("metrics", metric, METRICS)
        if metric == "AUC":
            values["AUC"] = table.auc()
        else:
            values.update({f"{metric}@{cutoff}": getattr(table, CUT[metric])(cutoff) for cutoff in k})
    return values


def _check_choice(key: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise UserError(f"evaluation.{key}: there is no {value!r}.{nearest(value, valid)}")


class _Table:
    """Sums over the held-out items of each user, at any cut-off."""

    def __init__(self, ranks: Ranks, recall_divisor: str, kgat_depth: int | None):
        self.starts, self.n_test = ranks.indptr[:-1], np.diff(ranks.indptr)
        self.n_candidates = ranks.n_candidates
        user = np.repeat(np.arange(len(ranks.users)), self.n_test)
        self.ranks = ranks.ranks[np.lexsort((ranks.ranks, user))]
        self.order = np.arange(len(self.ranks)) - np.repeat(self.starts, self.n_test) + 1
        self.recall_divisor, self.kgat_depth = recall_divisor, kgat_depth

    def sum(self, values: np.ndarray, k: int | None = None) -> np.ndarray:
        """float64 [m], over the held-out items of rank <= k."""
        inside = values if k is None else np.where(self.ranks <= k, values, 0.0)
        return np.add.reduceat(inside, self.starts) if len(self.starts) else np.zeros(0)

    def hits(self, k: int) -> np.ndarray:
        return self.sum(np.ones(len(self.ranks)), k)

    def hit_ratio(self, k: int) -> np.ndarray:
        return np.minimum(self.hits(k), 1.0)

    def recall(self, k: int) -> np.ndarray:
        most = self.n_test if self.recall_divisor == "test_items" else np.minimum(self.n_test, k)
        return self.hits(k) / most

    def precision(self, k: int) -> np.ndarray:
        return self.hits(k) / k

    def f1(self, k: int) -> np.ndarray:
        precision, recall = self.precision(k), self.recall(k)
        return 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)

    def ndcg(self, k: int) -> np.ndarray:
        n_ideal = self.n_test if self.kgat_depth is None else self.hits(self.kgat_depth).astype(int)
        ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])[np.minimum(n_ideal, k)]
        gain = self.sum(1 / np.log2(self.ranks + 1), k)
        return np.divide(gain, ideal, out=np.zeros_like(gain), where=ideal > 0)

    def reciprocal_rank(self, k: int) -> np.ndarray:
        best = self.ranks[self.starts]
        return np.where(best <= k, 1 / best, 0.0)

    def average_precision(self, k: int) -> np.ndarray:
        return self.sum(self.order / self.ranks, k) / np.minimum(self.n_test, k)

    def auc(self) -> np.ndarray:
        pairs = self.n_test * (self.n_candidates - self.n_test)
        wrong = self.sum((self.ranks - self.order).astype(float))
        return np.where(pairs > 0, 1 - wrong / np.maximum(pairs, 1), 0.5)
