"""The authors' evaluation, by our evaluator with the options that they correspond to."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from omegaconf import DictConfig

from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.metrics import per_user_metrics
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.evaluation.ranking import rank_held_out
from recsys_cli.models.base import Factors
from tests.golden.golden import Golden

NAMES = {"Recall": "recall", "NDCG": "ndcg", "Precision": "precision", "HR": "hit_ratio"}
GROUPS = (0, 9, 13, 17, 20, 1000)  # EHCF's: training purchases of a user, from .. below


def check_scores(golden: Golden, config: DictConfig, scores, data: Dataset, limit: float) -> None:
    """Scores, users x items, and the metrics: of these scores, and of the recorded ones, where they are exact."""
    recorded = golden.check("scores5", scores, 0, limit)
    for table in (np.asarray(scores), recorded):
        users, values = evaluated(config, Factors(tf.constant(table), tf.eye(table.shape[1])), data)
        cutoffs = config.evaluation.k
        golden.check("metric/K", cutoffs)
        golden.check("metric/users", users)
        for ours, theirs in NAMES.items():
            if f"metric/{theirs}_per_user@{cutoffs[0]}" in golden:
                for k in cutoffs:
                    golden.check(f"metric/{theirs}_per_user@{k}", values[f"{ours}@{k}"], 0, 1e-6)
            if f"metric/{theirs}_mean" in golden:
                golden.check(f"metric/{theirs}_mean", [values[f"{ours}@{k}"].mean() for k in cutoffs], 0, 1e-6)
        if "metric/group_K" in golden:
            _check_groups(golden, users, values, data.target_train.row_lengths[users])


def evaluated(config: DictConfig, scorer: Factors, data: Dataset) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Users with test items, and the values of each."""
    chosen, metrics = config.evaluation, list(NAMES)
    if chosen.ndcg == "kgat":  # to the authors' depth, the largest K, which is a constant of ours
        ranks = rank_held_out(scorer, data.test, [data.target_train], data.n_items)
        return ranks.users, per_user_metrics(ranks, chosen.k, metrics, ndcg="kgat", kgat_depth=max(chosen.k))
    divisor = chosen.recall_divisor
    result = evaluate(scorer, data, "test", k=chosen.k, metrics=metrics, recall_divisor=divisor)
    return result.users, result.per_user


def _check_groups(golden: Golden, users, values, purchases) -> None:
    k = golden.hyper["group_K"]
    golden.check("metric/group_K", k)
    for g, (low, end) in enumerate(zip(GROUPS, GROUPS[1:])):
        inside = (low <= purchases) & (purchases < end)
        golden.check(f"metric/group{g}_users", users[inside])
        for ours, theirs in (("Recall", "recall"), ("NDCG", "ndcg")):
            golden.check(f"metric/group{g}_{theirs}_per_user", values[f"{ours}@{k}"][inside], 0, 1e-6)
