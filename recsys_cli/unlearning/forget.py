"""From the current state of a run to one without the rows asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.training.run import Run
from recsys_cli.unlearning.generation import Built, Rows, build
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.partition import check_shards, partition
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.requests import Request, Selection, select
from recsys_cli.unlearning.restrict import among, restricted, with_rows
from recsys_cli.unlearning.state import partition_entry, publish


class Plan(NamedTuple):
    """removed: bool [pairs], of the training pairs. touched: shards. seconds: by the record of the run."""

    selection: Selection
    removed: np.ndarray
    held_out: int
    touched: list[int]
    shard_seconds: float
    aggregation_seconds: float


class Outcome(NamedTuple):
    built: Built
    rows: Rows
    ledger: dict
    path: Path


def make_plan(config, rows: Rows, requests: Sequence[Request], ledger, *, repartition: bool) -> Plan:
    """What the requests would do together; raises UserError where they would leave nothing to train on."""
    dataset, pairs = rows.dataset, rows.pairs
    selection = select(requests, dataset)
    removed = _named(pairs, selection)
    held_out = sum(int(_named(m, selection).sum()) for m in (dataset.valid, dataset.test) if m is not None)
    n_shards = config.unlearning.shards
    touched = sorted(set(rows.assignment[removed].tolist()))
    _refuse_empty(rows, selection, removed, n_shards, repartition)
    if repartition:
        touched = list(range(n_shards))
    seconds = (sum(ledger["shards"][k]["seconds"] for k in touched)
               / min(config.unlearning.processes, max(len(touched), 1)))
    return Plan(selection, removed, held_out, touched, seconds, ledger["aggregation"]["seconds"])


def carry_out(run: Run, generations: Generations, config, rows: Rows, requests: Sequence[Request], plan: Plan,
              *, repartition: bool, say=print) -> Outcome:
    """Builds the next state from the remaining rows and makes it the current one; Stopped for a signal."""
    left = remaining(rows, plan)
    path, parent = generations.begin(), read_ledger(generations.current)
    made = parent["partition"]
    if repartition:
        left = Rows.of(left.dataset, partition(config, left.dataset))
        check_shards(left.dataset, left.pairs, left.assignment, config.unlearning.shards)
        made = partition_entry(config.unlearning, generations.next)
    built = build(path, config, left, generations.current, train_shards, say)
    entries = [request.entry(**_counts(rows, request)) for request in requests]
    complete = publish(run, generations, config, left, path, built,
                       partition=made, parent=parent, requests=entries)
    return Outcome(built, left, read_ledger(complete), complete)


def remaining(rows: Rows, plan: Plan) -> Rows:
    """Rows that are asked for leave; users and items without any other leave the ids as well."""
    dataset, selection = rows.dataset, plan.selection
    users = np.setdiff1d(np.arange(dataset.n_users), selection.users)
    items = np.setdiff1d(np.arange(dataset.n_items), selection.items)
    left = restricted(dataset, users, items, lambda matrix: ~among(matrix.keys, selection.keys))
    return Rows.of(with_rows(left), rows.assignment[~plan.removed])


def _named(matrix, selection: Selection) -> np.ndarray:
    """bool [nnz]"""
    return (np.isin(matrix.rows, selection.users) | np.isin(matrix.indices, selection.items)
            | among(matrix.keys, selection.keys))


def _counts(rows: Rows, request: Request) -> dict[str, int]:
    selection = select([request], rows.dataset)
    held_out = [m for m in (rows.dataset.valid, rows.dataset.test) if m is not None]
    return {"training_pairs": int(_named(rows.pairs, selection).sum()),
            "held_out_pairs": sum(int(_named(m, selection).sum()) for m in held_out)}


def _refuse_empty(rows: Rows, selection: Selection, removed: np.ndarray, n_shards: int,
                  repartition: bool) -> None:
    dataset, target = rows.dataset, rows.dataset.target_train
    stays = ~removed[np.searchsorted(rows.pairs.keys, target.keys)]
    shard = rows.assignment[np.searchsorted(rows.pairs.keys, target.keys)]
    if not stays.any():
        raise UserError("refused, nothing changed: the request would leave no training data at all; "
                        "delete the run instead.")
    emptied = np.flatnonzero(np.bincount(shard[stays], minlength=n_shards) == 0)
    if len(emptied) and not repartition:
        raise UserError("refused, nothing changed: the request would empty shard "
                        f"{emptied[0]} of {n_shards}; with repartition=true the remaining "
                        "rows are shared out anew, which trains every shard again.")
    if _named(dataset.test, selection).all():
        raise UserError("refused, nothing changed: the request would leave no test pairs to evaluate on; "
                        "delete the run instead.")
