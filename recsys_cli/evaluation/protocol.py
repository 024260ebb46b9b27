"""From a scorer and a data set to results: what is held out, what is ranked, and which numbers come of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.blocks import rows_per_block
from recsys_cli.evaluation.metrics import Pooled, check_cutoffs, per_user_metrics
from recsys_cli.evaluation.naming import raw_ids
from recsys_cli.evaluation.own import Evaluated, own_metric, own_values
from recsys_cli.evaluation.ranking import rank_held_out, refuse_overlap, union
from recsys_cli.evaluation.sampled import (
    WARNING,
    check_enough_negatives,
    draw_negatives,
    leave_out,
    rank_among,
    sampled_metrics,
)
from recsys_cli.evaluation.summary import intervals
from recsys_cli.evaluation.topk import beyond_accuracy as spread_of
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Scorer

N_NEGATIVES = 99  # drawn where the data set brings none


@dataclass(frozen=True)
class Result:
    """users: int32 [m], those evaluated. per_user: float64 [m] per metric, or Pooled where that is no mean over users.
    means: over users, or pooled, and spreads.

    n_pairs: held-out pairs ranked; n_left_out: those dropped by exclude_auxiliary. seconds: of the whole evaluation.
    warning: what a reader must know about the numbers, if anything.
    """

    users: np.ndarray
    per_user: dict[str, np.ndarray | Pooled]
    means: dict[str, float]
    n_pairs: int
    n_left_out: int
    seconds: float
    warning: str | None = None


def evaluate(
    scorer: Scorer,
    dataset: Dataset,
    split: str,
    *,
    k: Sequence[int],
    exclude: str = "train_and_validation",
    metrics: Sequence[str] = ("HR", "Recall", "NDCG"),
    recall_divisor: str = "test_items",
    ndcg: str = "ideal",
    protocol: str = "full",
    memory_mb: int = 512,
    seed: int = 0,
    exclude_auxiliary: bool = False,
    beyond_accuracy: bool = False,
) -> Result:
    """Evaluates the target behaviour on split "valid" or "test".

    exclude: "train" or "train_and_validation", which items of the user are taken out of the ranking of the
    test split (from that of the validation split: train). exclude_auxiliary: leaves out, among held-out pairs
    and candidates, what the user has in an auxiliary behaviour. protocol: "full" or "sampled" (sampled.py).
    metrics: names of metrics.py, and dotted names of one's own (own.py, full protocol only).
    beyond_accuracy: adds Coverage@k and Gini@k of the lists of the evaluated users (full protocol only).
    Raises UserError where nothing can be evaluated.
    """
    began = time.perf_counter()
    check_cutoffs(k, dataset.n_items)
    held_out, seen, auxiliary, kept = _lay_out(dataset, split, exclude, exclude_auxiliary)
    spread, warning = {}, None
    own = _own(metrics, protocol)
    metrics = [name for name in metrics if name not in own]
    with raw_ids(dataset):
        if protocol == "sampled":
            negatives = dataset.test_negatives if split == "test" else None
            if negatives is None:
                negatives = draw_negatives(held_out, seen, N_NEGATIVES, seed, f"evaluation/{split}")
            else:
                negatives = leave_out(negatives[kept], held_out, auxiliary)
            ranks = rank_among(scorer, held_out, negatives, dataset.n_items, memory_mb)
            users, per_user = sampled_metrics(ranks, k, metrics)
            warning = WARNING
        else:
            where = f"data={dataset.name}, split {split}"
            ranks = rank_held_out(scorer, held_out, seen, dataset.n_items, memory_mb, name=where)
            users = ranks.users
            per_user = per_user_metrics(ranks, k, metrics, recall_divisor=recall_divisor, ndcg=ndcg)
            if own:
                evaluated = Evaluated(dataset, ranks, scorer, seen, max(k), memory_mb)
                per_user.update(own_values(own, evaluated, k))
            if beyond_accuracy:
                lists, _ = top_k(scorer, users, seen, dataset.n_items, max(k), memory_mb)
                for cutoff in k:
                    spread.update(spread_of(lists[:, :cutoff], dataset.n_items))
    means = {name: mean.mean for name, mean in intervals(per_user, 0, seed).items()}
    return Result(
        users,
        per_user,
        {**means, **spread},
        held_out.nnz,
        int(np.count_nonzero(~kept)),
        time.perf_counter() - began,
        warning,
    )


def check(dataset: Dataset, split: str, *, k, metrics, exclude, protocol, memory_mb, exclude_auxiliary) -> None:
    """Raises the UserError that `evaluate` would raise for this data set, whatever the model."""
    for name in _own(metrics, protocol):
        own_metric(name)  # is imported here rather than after the training
    check_cutoffs(k, dataset.n_items)
    held_out, seen, _, _ = _lay_out(dataset, split, exclude, exclude_auxiliary)
    rows_per_block(dataset.n_items, memory_mb)
    with raw_ids(dataset):
        if protocol == "full":
            history = union(seen, dataset.n_users, dataset.n_items)
            refuse_overlap(held_out, history, f"data={dataset.name}, split {split}")
        elif split != "test" or dataset.test_negatives is None:
            check_enough_negatives(held_out, seen, N_NEGATIVES)


def _own(metrics: Sequence[str], protocol: str) -> list[str]:
    """Those of one's own, by their dotted names."""
    own = [name for name in metrics if "." in name]
    if own and protocol == "sampled":
        raise UserError(f"evaluation.metrics={own[0]}: metrics of one's own need evaluation.protocol=full.")
    return own


def _lay_out(dataset: Dataset, split: str, exclude: str, exclude_auxiliary: bool):
    """The held-out pairs, what is left out of the rankings, the auxiliary part of it, and which pairs are kept."""
    held_out, seen = _sides(dataset, split, exclude)
    if not exclude_auxiliary:
        return held_out, seen, [], np.ones(held_out.nnz, bool)
    auxiliary = auxiliary_pairs(dataset)
    kept = ~union(auxiliary, dataset.n_users, dataset.n_items).contains(held_out.rows, held_out.indices)
    if not kept.any():
        raise UserError(
            f"data={dataset.name}: every {split} pair is in an auxiliary behaviour as well, "
            "which leaves nothing to evaluate. Set evaluation.exclude_auxiliary=false."
        )
    return _subset(held_out, kept), seen + auxiliary, auxiliary, kept


def auxiliary_pairs(dataset: Dataset) -> list[CSR]:
    """The training pairs of every behaviour but the target. Raises UserError where there is none."""
    if len(dataset.train) == 1:
        raise UserError(
            f"evaluation.exclude_auxiliary=true: data={dataset.name} has no behaviour besides the target "
            f"{dataset.target!r}. Add some with data.behaviours, or set it to false."
        )
    return [pairs for name, pairs in dataset.train.items() if name != dataset.target]


def _sides(dataset: Dataset, split: str, exclude: str) -> tuple[CSR, list[CSR]]:
    """The held-out pairs, and what a user has seen before them."""
    held_out = {"valid": dataset.valid, "test": dataset.test}[split]
    if held_out is None or not held_out.nnz:
        key = "data.validation" if split == "valid" else "data.split"
        raise UserError(
            f"data={dataset.name} has no {split} pairs to evaluate on: cut some with {key}, or choose another split."
        )
    seen = [dataset.target_train]
    if split == "test" and exclude == "train_and_validation" and dataset.valid is not None:
        seen.append(dataset.valid)
    return held_out, seen


def _subset(matrix: CSR, kept: np.ndarray) -> CSR:
    return CSR.from_pairs(matrix.rows[kept], matrix.indices[kept], matrix.n_rows, matrix.n_cols)
