"""From a scorer and a data set to results: what is held out, what is ranked, and which numbers come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.kinds import listed, matching, one_of
from data_prep.settings import Settings, field
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.data.ratings import Ratings, values_of
from recsys_cli.evaluation.blocks import rows_per_block
from recsys_cli.evaluation.lists import beyond_accuracy as spread_of
from recsys_cli.evaluation.metrics import METRICS, Pooled, check_cutoffs, per_user_metrics
from recsys_cli.evaluation.names import GRADED, RATING_ERRORS
from recsys_cli.evaluation.own import Evaluated, own_metric, own_values
from recsys_cli.evaluation.ranking import rank_held_out, refuse_overlap, union
from recsys_cli.evaluation.rated import evaluate_ratings, relevant_pairs
from recsys_cli.evaluation.raw_ids import raw_ids
from recsys_cli.evaluation.sampled import (
    WARNING,
    check_enough_negatives,
    draw_negatives,
    leave_out,
    rank_among,
    sampled_metrics,
)
from recsys_cli.evaluation.summary import intervals
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Scorer
from recsys_cli.ops.streams import generator

N_NEGATIVES = 99  # drawn where the data set brings none


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """What is held out, what it is ranked among, and which numbers are made of the ranks."""

    protocol: str = field(
        "full",
        "rank all items; sampled: among the candidates of the data set, or 99 drawn ones; rating: errors of predicted "
        "ratings, and rankings by them",
        choices=("full", "sampled", "rating"),
    )
    k: list[int] = field([10, 50, 100], "cut-offs", low=1)
    metrics: list[str] = field(
        ["HR", "Recall", "NDCG"],
        "each at every cut-off, AUC without",
        kind=listed(
            matching(
                rf"{'|'.join((*METRICS, *RATING_ERRORS))}|\w+(\.\w+)+",
                f"one of {', '.join(METRICS)}, for protocol=rating also {', '.join(RATING_ERRORS)}, "
                "or one of your own such as my.module.Novelty",
            )
        ),
    )
    exclude: str = field(
        "train_and_validation",
        "what is left out of a user's ranking; train: as in the authors' released code",
        choices=("train_and_validation", "train"),
    )
    relevance: float = field(4.0, "of protocol=rating: the lowest rating of an item that is to be ranked high")
    candidates: list[str] = field(
        ["unseen", "test"],
        "of protocol=rating: rank among all items not in train, among the user's test items, or among all that are not "
        "liked in train (by relevance)",
        kind=listed(one_of("unseen", "not_liked", "test")),
    )
    recall_divisor: str = field(
        "test_items", "min_k: the smaller of k and the number of test items", choices=("test_items", "min_k")
    )
    ndcg: str = field(
        "ideal",
        "kgat: the ideal list holds only the hits, as in the code of KGAT; of protocol=rating, by the ratings of all "
        "held-out items: exponential, 2^r - 1 each, or value, r each",
        choices=("ideal", "kgat", *GRADED),
    )
    select: str = field(
        "last",
        "which epoch is scored; best_test_epoch is the published habit, and its name goes into the results",
        choices=("last", "best_validation", "best_test_epoch"),
    )
    users: int | None = field(
        None, "evaluate so many only, drawn at random, the same ones whatever the seed; null: all", low=1
    )
    memory_mb: int = field(512, "for the scores of a block of users", low=1)
    bootstrap: int = field(1000, "resamples of users for the confidence intervals; 0: none", low=0)
    exclude_auxiliary: bool = field(False, "held-out pairs that the user has in another behaviour do not count")
    beyond_accuracy: bool = field(False, "add Coverage and Gini of the lists")
    per_user: bool = field(True, "keep the metrics of each user in the run directory")
    test: bool = field(True, "false: the test split stays closed, and the validation part is shown (for sweeps)")


@dataclass(frozen=True)
class Result:
    """users: int32 [m], those evaluated. per_user: float64 [m] per metric, or Pooled where that is no mean over users.
    means: over users, or pooled, and spreads.

    n_pairs: held-out pairs ranked; n_left_out: those dropped by exclude_auxiliary. seconds: of the whole evaluation.
    warning: what a reader must know about the numbers, if anything. drawn_from: how many users there were where
    evaluation.users took some of them.
    """

    users: np.ndarray
    per_user: dict[str, np.ndarray | Pooled]
    means: dict[str, float]
    n_pairs: int
    n_left_out: int
    seconds: float
    warning: str | None = None
    drawn_from: int | None = None


class Layout(NamedTuple):
    """held_out: the pairs to be ranked; seen: what is left out of the rankings; auxiliary: the part of it that is of other
    behaviours. kept: bool [held-out pairs of the data set], which of them are here. n_left_out: dropped by
    exclude_auxiliary. drawn_from: as in Result."""

    held_out: CSR
    seen: list[CSR]
    auxiliary: list[CSR]
    kept: np.ndarray
    n_left_out: int = 0
    drawn_from: int | None = None


def evaluate(
    scorer: Scorer,
    dataset: Dataset,
    split: str,
    *,
    seed: int = 0,
    **options: Any,
) -> Result:
    """Evaluates the target behaviour on split "valid" or "test".

    options: those of EvaluationSettings, by name. exclude: what is taken out of the ranking of the test split (from
    that of the validation split: train). exclude_auxiliary: among held-out pairs and candidates. protocol="sampled":
    sampled.py. metrics: names of metrics.py, and dotted names of one's own (own.py, full protocol only).
    protocol="rating": rated.py. beyond_accuracy: Coverage@k and Gini@k of the lists of the evaluated users (full protocol
    only).
    Raises UserError where nothing can be evaluated.
    """
    began = time.perf_counter()
    settings = EvaluationSettings(**options)
    k, memory_mb = settings.k, settings.memory_mb
    check_cutoffs(k, dataset.n_items)
    held_out, seen, auxiliary, kept, n_left_out, drawn_from = lay_out(dataset, split, settings)
    per_user: dict[str, np.ndarray | Pooled] = {}
    spread: dict[str, float] = {}
    warning = None
    own = _own(settings)
    metrics = [name for name in settings.metrics if name not in own]
    with raw_ids(dataset):
        if settings.protocol == "sampled":
            negatives = dataset.test_negatives if split == "test" else None
            if negatives is None:
                negatives = draw_negatives(held_out, seen, N_NEGATIVES, seed, f"evaluation/{split}")
            else:
                negatives = leave_out(negatives[kept], held_out, auxiliary)
            ranks = rank_among(scorer, held_out, negatives, dataset.n_items, memory_mb)
            users, found = sampled_metrics(ranks, k, metrics)
            per_user.update(found)
            warning = WARNING
        elif settings.protocol == "rating":
            users, rated, warning = evaluate_ratings(scorer, dataset, held_out, seen, split, settings)
            per_user.update(rated)
        else:
            where = f"data={dataset.name}, split {split}"
            ranks = rank_held_out(scorer, held_out, seen, dataset.n_items, memory_mb, name=where)
            users = ranks.users
            found = per_user_metrics(ranks, k, metrics, recall_divisor=settings.recall_divisor, ndcg=settings.ndcg)
            per_user.update(found)
            if own:
                evaluated = Evaluated(dataset, ranks, scorer, seen, max(k), memory_mb)
                per_user.update(own_values(own, evaluated, k))
            if settings.beyond_accuracy:
                lists, _ = top_k(scorer, users, seen, dataset.n_items, max(k), memory_mb)
                for cutoff in k:
                    spread.update(spread_of(lists[:, :cutoff], dataset.n_items))
    means = {name: mean.mean for name, mean in intervals(per_user, 0, seed).items()}
    return Result(
        users,
        per_user,
        {**means, **spread},
        held_out.nnz,
        n_left_out,
        time.perf_counter() - began,
        warning,
        drawn_from,
    )


def check(dataset: Dataset, split: str, settings: EvaluationSettings) -> None:
    """Raises the UserError that `evaluate` would raise for this data set, whatever the model."""
    for name in _own(settings):
        own_metric(name)  # is imported here rather than after the training
    check_cutoffs(settings.k, dataset.n_items)
    held_out, seen, *_ = lay_out(dataset, split, settings)
    rows_per_block(dataset.n_items, settings.memory_mb)
    if settings.protocol == "rating":
        Ratings(dataset)
        values = values_of(held_out, dataset, split)
        if any(name in METRICS for name in settings.metrics):
            relevant_pairs(held_out, values, settings.relevance, split)
    with raw_ids(dataset):
        if settings.protocol != "sampled":
            history = union(seen, dataset.n_users, dataset.n_items)
            refuse_overlap(held_out, history, f"data={dataset.name}, split {split}")
        elif split != "test" or dataset.test_negatives is None:
            check_enough_negatives(held_out, seen, N_NEGATIVES)


def _own(settings: EvaluationSettings) -> list[str]:
    """Metrics of one's own, by their dotted names."""
    own = [name for name in settings.metrics if "." in name]
    if own and settings.protocol != "full":
        raise UserError(f"evaluation.metrics={own[0]}: metrics of one's own need evaluation.protocol=full.")
    if settings.ndcg in GRADED and settings.protocol != "rating":
        raise UserError(f"evaluation.ndcg={settings.ndcg} goes by ratings: it needs evaluation=rating.")
    errors = [name for name in settings.metrics if name in RATING_ERRORS]
    if errors and settings.protocol != "rating":
        raise UserError(f"evaluation.metrics={errors[0]} is of predicted ratings: it needs evaluation=rating.")
    return own


def lay_out(dataset: Dataset, split: str, settings: EvaluationSettings) -> Layout:
    """What is ranked, for whom, and among what."""
    held_out, seen = _sides(dataset, split, settings.exclude)
    layout = Layout(held_out, seen, [], np.ones(held_out.nnz, bool))
    auxiliary = auxiliary_pairs(dataset) if settings.exclude_auxiliary else []
    users = np.flatnonzero(held_out.row_lengths)
    if settings.users is not None and settings.users < len(users):
        drawn = np.sort(generator(0, f"evaluation/users/{split}").choice(users, settings.users, replace=False))
        kept = np.isin(held_out.rows, drawn)
        seen, auxiliary = ([matrix.only(drawn) for matrix in matrices] for matrices in (seen, auxiliary))
        layout = Layout(held_out.only(drawn), seen, [], kept, drawn_from=len(users))
    return _without_auxiliary(layout, auxiliary, dataset, split) if auxiliary else layout


def _without_auxiliary(layout: Layout, auxiliary: list[CSR], dataset: Dataset, split: str) -> Layout:
    held_out, seen, _, there, *_ = layout
    kept = ~union(auxiliary, dataset.n_users, dataset.n_items).contains(held_out.rows, held_out.indices)
    if not kept.any():
        raise UserError(
            f"data={dataset.name}: every {split} pair is in an auxiliary behaviour as well, "
            "which leaves nothing to evaluate. Set evaluation.exclude_auxiliary=false."
        )
    left_out = int(np.count_nonzero(~kept))
    there = there.copy()
    there[there] = kept
    return layout._replace(
        held_out=_subset(held_out, kept), seen=seen + auxiliary, auxiliary=auxiliary, kept=there, n_left_out=left_out
    )


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
    found = CSR.from_pairs(matrix.rows[kept], matrix.indices[kept], matrix.n_rows, matrix.n_cols)
    return found if matrix.values is None else replace(found, values=matrix.values[kept])
