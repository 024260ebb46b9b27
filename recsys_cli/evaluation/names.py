"""What metrics are called, and in which direction they are good; nothing heavy here."""

from __future__ import annotations

RATING_ERRORS = ("MAE", "RMSE", "UserMAE", "UserRMSE")  # of ratings.py
GRADED = ("exponential", "value")  # what a held-out item is worth by its rating (graded.py)
LOWER_IS_BETTER = RATING_ERRORS  # of all others, more is better


def lower_is_better(name: str) -> bool:
    """name: of a metric of this program, such as NDCG@10 or RMSE."""
    return name.partition("@")[0] in LOWER_IS_BETTER


def short_name(metric: str) -> str:
    """What the results of a metric of one's own are called: the last part of the dotted name."""
    return metric.rpartition(".")[2]


def first_metric(evaluation) -> str:
    """The metric that a model is chosen by unless trainer.monitor names one. evaluation: a node of configs/evaluation."""
    chosen = next((name for name in evaluation.metrics if name in RATING_ERRORS), None)
    family = chosen or ("NDCG" if "NDCG" in evaluation.metrics else evaluation.metrics[0])
    name = family if family in (*RATING_ERRORS, "AUC") else f"{short_name(family)}@{evaluation.k[0]}"
    return f"sampled-{name}" if evaluation.protocol == "sampled" else name
