"""From the current state of a run to one without the rows asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.evaluation.metrics import impossible_cutoffs
from recsys_cli.runs.directory import Run
from recsys_cli.unlearning.generation import Built, Rows, build, check_unchanged
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.intake import found_pairs
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.matching import Selection, select
from recsys_cli.unlearning.partition import check_shards, partition
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.requests import FOLDER, Request
from recsys_cli.unlearning.restrict import among, restricted, without_orphans
from recsys_cli.unlearning.state import partition_entry, publish
from recsys_cli.unlearning.whole import is_whole


class Plan(NamedTuple):
    """removed: bool [pairs], of the training pairs. held_out: how many pairs. left: what remains.
    touched: shards. seconds: by the record of the run. whole: there are no shards, one model has all rows."""

    removed: np.ndarray
    held_out: int
    left: Rows
    touched: list[int]
    shard_seconds: float
    aggregation_seconds: float
    whole: bool


class Outcome(NamedTuple):
    built: Built
    rows: Rows
    ledger: dict


def make_plan(config, rows: Rows, requests: Sequence[Request], generation: Path, *, repartition: bool) -> Plan:
    """What the requests would do together; raises UserError where that cannot be carried out.

    rows: of the state in the folder `generation`.
    """
    dataset, ledger = rows.dataset, read_ledger(generation)
    for request in requests:
        _check_promise(request, rows)
    selection = select([(request.kind, request.rows) for request in requests], dataset)
    removed = selection.of(rows.pairs)
    held_out = sum(int(selection.of(m).sum()) for m in (dataset.valid, dataset.test) if m is not None)
    n_shards = config.unlearning.shards
    left = _remaining(rows, selection, removed)
    _refuse_unfit(config, left, repartition)
    touched = list(range(n_shards)) if repartition else sorted(set(rows.assignment[removed].tolist()))
    for k in set(range(n_shards)) - set(touched):
        check_unchanged(generation, ledger, k)
    seconds = sum(ledger["shards"][k]["seconds"] for k in touched) / min(
        config.unlearning.processes, max(len(touched), 1)
    )
    return Plan(removed, held_out, left, touched, seconds, ledger["aggregation"]["seconds"], is_whole(config))


def carry_out(
    run: Run,
    generations: Generations,
    config,
    rows: Rows,
    requests: Sequence[Request],
    plan: Plan,
    *,
    repartition: bool,
    say=print,
) -> Outcome:
    """Builds the next state from the remaining rows and makes it the current one; Stopped for a signal."""
    left, path, parent = plan.left, generations.begin(), read_ledger(generations.current)
    made = parent["partition"]
    if repartition:
        left = Rows.of(left.dataset, partition(config, left.dataset))
        check_shards(left.dataset, left.pairs, left.assignment, config.unlearning.shards)
        made = partition_entry(config.unlearning, generations.next)
    built = build(path, config, left, None if repartition else generations.current, train_shards, say, before=rows)
    entries = [request.entry() for request in requests]
    complete = publish(
        run,
        generations,
        config,
        left,
        path,
        built,
        partition=made,
        touched=plan.touched,
        parent=parent,
        requests=entries,
    )
    return Outcome(built, left, read_ledger(complete))


def _remaining(rows: Rows, selection: Selection, removed: np.ndarray) -> Rows:
    """Rows that are asked for leave; users and items without any other leave the ids as well."""
    dataset = rows.dataset
    users = np.setdiff1d(np.arange(dataset.n_users), selection.users)
    items = np.setdiff1d(np.arange(dataset.n_items), selection.items)
    left = restricted(dataset, users, items, lambda matrix: ~among(matrix.keys, selection.keys))
    return Rows.of(without_orphans(left, dataset), rows.assignment[~removed])


def _check_promise(request: Request, rows: Rows) -> None:
    """A request that finds other pairs than when it was taken in is not the one that was asked for."""
    now, then = found_pairs(rows, request.kind, request.rows), (request.training_pairs, request.held_out_pairs)
    if now != then:
        raise UserError(
            f"refused, nothing changed: {FOLDER}/{request.id}.json was taken in for {then[0]:,} training pairs and "
            f"{then[1]:,} held-out pairs, and finds {now[0]:,} and {now[1]:,} now. Remove it, or all pending requests "
            "with discard=true, and ask again."
        )


def _refuse_unfit(config, left: Rows, repartition: bool) -> None:
    """Refuses what could be neither trained nor evaluated."""
    dataset, n_shards = left.dataset, config.unlearning.shards
    shard = left.assignment[np.searchsorted(left.pairs.keys, dataset.target_train.keys)]
    emptied = np.flatnonzero(np.bincount(shard, minlength=n_shards) == 0)
    if not len(shard):
        raise UserError(
            "refused, nothing changed: the request would leave no training data at all; delete the run instead."
        )
    if len(emptied) and not repartition:
        raise UserError(
            "refused, nothing changed: the request would empty shard "
            f"{emptied[0]} of {n_shards}; with repartition=true the remaining "
            "rows are shared out anew, which trains every shard again."
        )
    if dataset.test is None or not dataset.test.nnz:
        raise UserError(
            "refused, nothing changed: the request would leave no test pairs to evaluate on; delete the run instead."
        )
    if impossible := impossible_cutoffs(config.evaluation.k, dataset.n_items):
        raise UserError(
            f"refused, nothing changed: the request would leave {dataset.n_items} items, fewer than the "
            f"cut-off {max(impossible)} by which the run is evaluated; train a new run on "
            "what remains, with a smaller evaluation.k."
        )
