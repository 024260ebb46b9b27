"""`audit=true`: the membership test on a run, its model before and after, and the one that never saw the rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recsys_cli.models.base import FactoredModel
from recsys_cli.unlearning.audit import FAILURE, Subject, askable, audit, popularity_in, verdict
from recsys_cli.unlearning.forget import Outcome, Plan
from recsys_cli.unlearning.generation import Rows, build, open_model
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.state import clear_trial


class Question(NamedTuple):
    """What must be kept of the state before: its rows, its model, and the pairs to test (keys; may be none)."""

    rows: Rows
    model: FactoredModel | None
    keys: np.ndarray


def pairs_to_test(rows: Rows, plan: Plan) -> np.ndarray:
    """Keys of the pairs of the target behaviour that go while their user and item stay."""
    keys = np.intersect1d(rows.pairs.keys[plan.removed], rows.dataset.target_train.keys)
    return askable(rows.dataset, plan.left.dataset, keys)


def ask(config, rows: Rows, plan: Plan, generation: Path) -> Question:
    """Before the rows are forgotten. config: the root node of the run."""
    keys = pairs_to_test(rows, plan)
    return Question(rows, open_model(generation, config)[1] if len(keys) else None, keys)


def full_seconds(config, generation: Path) -> float:
    """Of training all shards and the aggregation from scratch, by the record of the state."""
    ledger = read_ledger(generation)
    side_by_side = min(config.unlearning.processes, len(ledger["shards"]))
    return sum(shard["seconds"] for shard in ledger["shards"]) / side_by_side + ledger["aggregation"]["seconds"]


def answer(run: Path, config, question: Question, outcome: Outcome, say=print) -> dict[str, Any]:
    """Numbers and verdict, for the report. Trains everything from scratch, in the run directory, if there is anything
    to test."""
    if question.model is None:
        return {"pairs": 0, "failed": False, "verdict": verdict(None)}
    fresh = from_scratch(clear_trial(run), config, outcome.rows, say)
    old, new = question.rows.dataset, outcome.rows.dataset
    everyone = np.arange(old.n_users), np.arange(old.n_items)
    left = [
        np.flatnonzero(np.isin(before, after))
        for before, after in ((old.user_ids, new.user_ids), (old.item_ids, new.item_ids))
    ]
    found = audit(
        old,
        popularity_in(old, new),
        question.keys,
        {
            "before": Subject(question.model.scorer(), *everyone),
            "after": Subject(outcome.built.model.scorer(), *left),
            "retrained": Subject(fresh.scorer(), *left),
        },
        config.seed,
    )
    return {
        "pairs": found.n_pairs,
        found.clusters: found.n_clusters,
        "auc": found.auc,
        "failed": found.auc[FAILURE].low > 0,
        "verdict": verdict(found),
    }


def answer_lines(said: dict[str, Any]) -> list[str]:
    lines = [
        f"membership AUC, {name}: {mean:.4f} [{low:.4f}, {high:.4f}]"
        for name, (mean, low, high) in said.get("auc", {}).items()
    ]
    return [*lines, f"audit {said['verdict']}"]


def _quiet(line: str) -> None:
    pass


def from_scratch(folder: Path, config, rows: Rows, say=_quiet) -> FactoredModel:
    """The model that the same algorithm makes of these rows, taking nothing over. folder: removed again."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return build(folder, config, rows, None, train_shards, say).model
    finally:
        shutil.rmtree(folder, ignore_errors=True)
