"""Runs that were made to be compared, as rows: those that differ in their seed only are one row.

Runs of different data, or measured in different ways, are refused; a training that was done twice counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.options import PLACES
from data_prep.settings import plain, shown
from recsys_cli.config.library import flatten
from recsys_cli.runs.directory import state_number
from recsys_cli.runs.finished import Finished, finished

# These do not say what was trained, or only what was looked at besides.
WITHOUT_BEARING = (
    "seed", "run_dir", "runs_dir", "resume", "device", "tensorboard", "tracking", "data.published", "data.notes",
    "trainer.progress", "trainer.checkpoint_every", "trainer.keep_checkpoints", "evaluation.memory_mb",
    "evaluation.bootstrap", "evaluation.per_user", "evaluation.beyond_accuracy", "evaluation.test", "evaluation.k",
    "evaluation.metrics", "unlearning.processes", *(f"data.{place}" for place in PLACES),
)  # fmt: skip
HONEST = ("last", "best_validation")  # ways of selecting that do not look at test
LONGEST = 3  # settings in a name


@dataclass
class Row:
    """name: unlike that of the others. runs: by seed."""

    name: str
    settings: dict[str, Any]
    runs: dict[int, Finished] = field(default_factory=dict)

    def values(self, metric: str) -> dict[int, float]:
        """By seed."""
        return {seed: run.result["metrics"][metric]["mean"] for seed, run in self.runs.items()}


def rows_of(paths: Sequence[Path], result: str = "test") -> tuple[list[Row], list[str]]:
    """The rows, in the order in which their first run is named, and what a reader should know.

    Raises UserError for a run that is not finished, and for runs that cannot stand side by side.
    """
    runs = [finished(path, result) for path in paths]
    check_same_data(runs)
    check_same_protocol(runs)
    rows: dict[str, Row] = {}
    notes = []
    for run in runs:
        settings = bearing(run)
        row = rows.setdefault(json.dumps(settings, sort_keys=True), Row("", settings))
        seed = int(run.config.seed)
        if seed in row.runs:
            notes.append(
                f"{run.path} has settings and seed of {row.runs[seed].path}: one training, which is counted once."
            )
            continue
        row.runs[seed] = run
    found = list(rows.values())
    for row, name in zip(found, names_of([row.settings for row in found])):
        row.name = name
    return found, notes


def bearing(run: Finished) -> dict[str, Any]:
    """The settings by dotted keys that decide what was trained, save for the seed."""
    values = flatten(plain(run.config))
    kept = {k: v for k, v in values.items() if not any(k == w or k.startswith(w + ".") for w in WITHOUT_BEARING)}
    early = kept.get("trainer.early_stopping") or kept.get("evaluation.select") != "last"
    if not early:  # then it matters not when, and by what, it was looked at
        kept = {k: v for k, v in kept.items() if k not in ("trainer.eval_every", "trainer.monitor")}
    if state := state_number(run.path):  # it has forgotten something since it was trained
        kept["unlearning.state"] = state
    return kept


def names_of(settings: Sequence[dict[str, Any]]) -> list[str]:
    """A name for each: its model, the way of unlearning, and what else tells it from the others of this name."""
    short = [_short(s) for s in settings]
    names = []
    for own, name in zip(settings, short):
        others = [s for s, n in zip(settings, short) if n == name]
        keys = dict.fromkeys(k for s in others for k in s)
        differ = [k for k in keys if len({json.dumps(s.get(k), sort_keys=True) for s in others}) > 1]
        told = [f"{k.rpartition('.')[2]}={shown(own.get(k))}" for k in differ]
        names.append(" ".join([name, *told[:LONGEST], *(["..."] if len(told) > LONGEST else [])]))
    return [n if names.count(n) == 1 else f"{n} [{number}]" for number, n in enumerate(names, 1)]


def check_same_data(runs: Iterable[Finished]) -> None:
    """Raises UserError where two runs were trained and scored on different data."""
    first, *others = runs
    for run in others:
        one, other = first.record.get("data_hash"), run.record.get("data_hash")
        if one == other:
            continue
        differ = _differences(flatten(plain(first.config.data)), flatten(plain(run.config.data)), PLACES)
        told = f" ({differ})" if differ else ""
        raise UserError(
            f"{run.path} was made on other data than {first.path}: {run.config.data.name} (content {str(other)[:12]}) and "
            f"{first.config.data.name} (content {str(one)[:12]}){told}. Their numbers cannot be compared; name runs of one "
            "data set."
        )


def check_same_protocol(runs: Iterable[Finished]) -> None:
    """Raises UserError where two results were measured differently."""
    first, *others = runs
    for run in others:
        one, other = _protocol(first), _protocol(run)
        if differ := _differences(one, other):
            raise UserError(
                f"{run.path} was not measured as {first.path}: {differ}. Measure both in the same way (recsys evaluate "
                "run=RUN name=NAME evaluation....) and compare with result=NAME."
            )


def _protocol(run: Finished) -> dict[str, Any]:
    found = {"split": run.result.get("split"), **run.result.get("protocol", {})}
    if found.get("select") in HONEST:
        found["select"] = "without a look at test"
    return found | {"users": run.result.get("users"), "pairs": run.result.get("pairs")}


def _differences(one: dict[str, Any], other: dict[str, Any], without: Sequence[str] = ()) -> str:
    keys = [k for k in dict.fromkeys([*one, *other]) if k not in without and one.get(k) != other.get(k)]
    return "; ".join(f"{k} {shown(other.get(k))} and {shown(one.get(k))}" for k in keys[:4])


def _short(settings: dict[str, Any]) -> str:
    method = settings.get("unlearning.name")
    return " ".join([str(settings.get("model.name")), *([method] if method not in (None, "none") else [])])
