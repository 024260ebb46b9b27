"""`recsys reproduce list`: every table and figure, what is done of it, what can run, what is missing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library
from recsys_cli.experiments.facts import missing_files
from recsys_cli.experiments.made import filled
from recsys_cli.experiments.spec import GROUPS, Experiment, Source, read
from recsys_cli.experiments.write import stem_of, with_ending


class State(NamedTuple):
    """cells, filled: of the file that is there; None where there is none. can_run: whether any row can.

    lacking: models and data sets that are not there.
    """

    experiment: Experiment
    filled: int | None
    cells: int
    can_run: bool
    lacking: list[str]

    @property
    def word(self) -> str:
        if self.filled is None:
            return "can run" if self.can_run else "cannot run"
        if not self.cells:
            return "made"
        return "done" if self.filled >= self.cells else f"{self.filled} of {self.cells} cells"


def all_experiments(library: Library) -> list[Experiment]:
    """In the order of the papers."""
    found = [read(group, name, library) for group in GROUPS for name in library.choices(group)]
    return sorted(found, key=lambda e: (e.group != GROUPS[0], _numbers(e.name)))


def states(library: Library, output: str) -> list[State]:
    there: dict[str, list[str]] = {}
    return [_state(experiment, library, output, there) for experiment in all_experiments(library)]


def _state(experiment: Experiment, library: Library, output: str, there: dict[str, list[str]]) -> State:
    models = set(library.choices("model"))
    rows = experiment.rows
    lacking = [f"model={row.model}" for row in rows if row.model not in models]
    usable = []
    for source in experiment.sources:
        missing = _missing_files(source, library, there)
        if missing:
            lacking.append(f"{source.title} ({', '.join(missing)})")
        else:
            usable.append(source)
    lacking += list(experiment.settings.unavailable)
    there_already, cells = _filled(with_ending(stem_of(experiment, output), "csv"))
    can_run = bool(usable) and (not rows or any(row.model in models for row in rows if not row.extra))
    return State(experiment, there_already, cells, can_run, list(dict.fromkeys(lacking)))


def _missing_files(source: Source, library: Library, there: dict[str, list[str]]) -> list[str]:
    """Raw files that are not on this machine; what cannot be composed is missing as a whole."""
    key = " ".join([source.data, *source.words])
    if key not in there:
        try:
            if source.data not in library.choices("data"):
                raise UserError(f"data={source.data} does not exist yet")
            config = compose("prepare", [f"data={source.data}", *source.words], library, partial=True, quick=True)
            there[key] = missing_files(config.data)
        except UserError as error:
            there[key] = [str(error).partition(".")[0]]
    return there[key]


def _filled(path: Path) -> tuple[int | None, int]:
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            return filled(list(csv.DictReader(stream)))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None, 0


def _numbers(name: str) -> tuple:
    """4.9 before 4.11, and the second paper after the thesis."""
    head, _, tail = name.rpartition(".")
    return (not head.isdecimal(), head.zfill(3), int(tail) if tail.isdecimal() else 0, name)
