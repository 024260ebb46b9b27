"""A trained run, scored once more for its report: lists of the evaluated users, and ranks of the held-out pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.lists import beyond_accuracy, diversity, novelty
from recsys_cli.statistics.spread import Groups


class Scored(NamedTuple):
    """users: int32 [m]. lists: int32 [m, k], the best first, -1 for an empty place. items, ranks: int [pairs], of the
    held-out pairs. parameters: how many numbers the model holds."""

    dataset: Dataset
    users: np.ndarray
    lists: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    parameters: int


def score_again(trained: Any, split: str, k: int) -> Scored:
    """trained: dataset, model and config of a run that was taken up. split: test or validation."""
    from recsys_cli.evaluation.protocol import EvaluationSettings, lay_out
    from recsys_cli.evaluation.ranking import rank_held_out
    from recsys_cli.evaluation.raw_ids import raw_ids
    from recsys_cli.evaluation.topk import top_k

    data, model = trained.dataset, trained.model
    settings = EvaluationSettings.from_config(trained.config.evaluation, "evaluation")
    held_out, seen, *_ = lay_out(data, "test" if split == "test" else "valid", settings)
    scorer, k = model.scorer(), min(k, data.n_items)
    with raw_ids(data):
        ranks = rank_held_out(scorer, held_out, seen, data.n_items, settings.memory_mb)
        lists, _ = top_k(scorer, ranks.users, seen, data.n_items, k, settings.memory_mb)
    return Scored(data, ranks.users, lists, ranks.items, ranks.ranks, model.count_parameters())


def of_lists(scored: Scored, lists: np.ndarray) -> dict[str, float]:
    """Of some of the lists, [n, k]."""
    data = scored.dataset
    found = beyond_accuracy(lists, data.n_items)
    found |= {f"Novelty@{lists.shape[1]}": float(novelty(lists, data.target_train.col_counts, data.n_users).mean())}
    if data.item_features is not None:
        found[f"Diversity@{lists.shape[1]}"] = float(diversity(lists, data.item_features).mean())
    return found


def by_item_group(scored: Scored, groups: Groups, k: int) -> list[list[float]]:
    """Per group: items, share of the training pairs, share of the recommended places, held-out pairs, Recall@k of them."""
    counts = scored.dataset.target_train.col_counts
    recommended = np.bincount(scored.lists[:, :k][scored.lists[:, :k] >= 0], minlength=len(counts))
    held = np.bincount(scored.items, minlength=len(counts))
    hit = np.bincount(scored.items, scored.ranks <= k, minlength=len(counts))
    rows = []
    for number in range(len(groups.names)):
        own = groups.of == number
        found = hit[own].sum() / held[own].sum() if held[own].sum() else float("nan")
        shares = [c[own].sum() / max(1, c.sum()) for c in (counts, recommended)]
        rows.append([float(own.sum()), *map(float, shares), float(held[own].sum()), float(found)])
    return rows
