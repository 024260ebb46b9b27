"""Metrics of one's own: `evaluation.metrics=[NDCG,my.module.Novelty]`.

Such a metric is a function, or a class whose objects are called, of (evaluated, k), for each cut-off k: it returns
float64 [m], a value per evaluated user, or `Pooled` where their mean is not the metric. Its results are called
Novelty@k. An attribute `lower_is_better = True` says in which direction it is good.

    def Novelty(evaluated, k):  # mean -log2 of the share of users who chose an item of the list
        counts = evaluated.dataset.target_train.col_counts
        bits = -np.log2(np.maximum(counts, 1) / evaluated.dataset.n_users)
        items = evaluated.lists(k)
        return np.where(items >= 0, bits[items], 0.0).mean(axis=1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from data_prep.errors import UserError
from recsys_cli.config.named import is_named
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.metrics import Pooled
from recsys_cli.evaluation.names import lower_is_better, short_name
from recsys_cli.evaluation.ranking import Ranks
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Scorer

OwnMetric = Callable[["Evaluated", int], np.ndarray | Pooled]


class Evaluated:
    """What a metric of one's own sees: dataset; users, int32 [m]; ranks of their held-out items; and their lists."""

    def __init__(self, dataset: Dataset, ranks: Ranks, scorer: Scorer, seen: Sequence[CSR], longest: int, memory: int):
        self.dataset, self.ranks, self.users = dataset, ranks, ranks.users
        self._how = scorer, ranks.users, seen, dataset.n_items, longest, memory
        self._lists: np.ndarray | None = None

    def lists(self, k: int) -> np.ndarray:
        """int32 [m, k], the k best unseen items, the best first; -1 where a user has fewer."""
        if self._lists is None:
            self._lists, _ = top_k(*self._how)
        return self._lists[:, :k]


def is_lower_better(monitor: str, metrics: Sequence[str]) -> bool:
    """monitor: a name such as NDCG@10. metrics: those of the config."""
    family = monitor.partition("@")[0]
    own = next((m for m in metrics if "." in m and short_name(m) == family), None)
    return bool(getattr(own_metric(own), "lower_is_better", False)) if own else lower_is_better(monitor)


def own_metric(name: str) -> OwnMetric:
    """Imports it. Raises UserError where the person has not named it, or there is no such thing."""
    if not is_named(name):
        raise UserError(
            f"evaluation.metrics={name} is code that the config of the run names and you did not, so it is not imported. "
            f"If you know and trust it, name it here: evaluation.metrics=[NDCG,{name}]."
        )
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise UserError(
            f"evaluation.metrics={name} cannot be imported ({error}): it must be a function or class of an installed "
            "module, or of one in a folder of PYTHONPATH."
        ) from error
    return found() if isinstance(found, type) else found


def own_values(names: Sequence[str], evaluated: Evaluated, k: Sequence[int]) -> dict[str, np.ndarray | Pooled]:
    """Values by name and cut-off. Raises UserError for what is no value per user."""
    values = {}
    for name in names:
        metric = own_metric(name)
        for cutoff in k:
            try:
                found = metric(evaluated, cutoff)
            except Exception as error:  # whatever it does, the run and its place are told
                raise UserError(
                    f"evaluation.metrics={name} failed for k={cutoff}: {type(error).__name__}: {error}"
                ) from error
            plain = found if isinstance(found, Pooled) else np.asarray(found, np.float64)
            numbers = Pooled.of(plain).values
            if np.shape(numbers) != np.shape(evaluated.users) or not np.isfinite(numbers).all():
                raise UserError(
                    f"evaluation.metrics={name} must give a finite number for each of the {len(evaluated.users)} users, "
                    f"and gives an array of shape {np.shape(numbers)} for k={cutoff}."
                )
            values[f"{short_name(name)}@{cutoff}"] = plain
    return values
