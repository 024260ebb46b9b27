"""The best items of people, with raw ids: what `recsys recommend` writes and `recsys.open_run(...).recommend` gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.raw_ids import raw_ids
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Scorer


def best_items(
    scorer: Scorer,
    dataset: Dataset,
    users: np.ndarray,
    k: int,
    left_out: Sequence[CSR],
    memory_mb: int,
    names: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Columns user, rank, item and score: at most k rows of each user, the best first, users in the order given.

    users: int32 [m], rows of the scorer. left_out: matrices with a row for each of its rows. names: raw ids of its rows;
    None: those of the data set. Raises UserError where k goes beyond the items.
    """
    check_k(k, dataset)
    with raw_ids(dataset):
        items, scores = top_k(scorer, users, left_out, dataset.n_items, k, memory_mb=memory_mb)
    found = items >= 0  # a user may have fewer than k items left
    names = dataset.user_ids if names is None else names
    return {
        "user": np.repeat(names[users], found.sum(axis=1)),
        "rank": np.broadcast_to(np.arange(1, k + 1), items.shape)[found],
        "item": dataset.item_ids[items[found]],
        "score": scores[found],
    }


def check_k(k: int, dataset: Dataset) -> None:
    if k > dataset.n_items:
        raise UserError(f"k={k} goes beyond the {dataset.n_items} items of data={dataset.name}: give a smaller k.")
