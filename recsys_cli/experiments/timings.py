"""How long runs took, for estimates of those to come: by the runs that are here, else by tables that were made before."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

STARTING = 6  # seconds until a process trains


class Estimate(NamedTuple):
    """by_table: from the seconds per epoch of a table, which may have been made on another machine; evaluation aside."""

    seconds: float
    by_table: bool = False


class Timings:
    """records: of runs (record.json). lines: of the CSV files of tables."""

    def __init__(self, records: Iterable[Mapping[str, Any]], lines: Iterable[Mapping[str, str]] = ()):
        self._epoch: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._evaluation: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            about = (str(record.get("model")), str(record.get("data")))
            per_epoch, evaluation = record.get("seconds_per_epoch"), record.get("evaluation_seconds")
            if isinstance(per_epoch, int | float) and isinstance(evaluation, int | float):
                self._epoch[about].append(per_epoch)
                self._evaluation[about].append(evaluation)
        self._printed = {(line["row"], line["data"]): float(line["s/epoch"]) for line in lines}

    def of(self, model: str, data: str, epochs: int, row: str, title: str) -> Estimate | None:
        """Of a run of a model on data, which stand in tables as row and title; None where nothing is known of it."""
        if about := self._epoch.get((model, data)):
            evaluation = statistics.median(self._evaluation[model, data])
            return Estimate(STARTING + epochs * statistics.median(about) + evaluation)
        if (printed := self._printed.get((row, title))) is not None:
            return Estimate(STARTING + epochs * printed, by_table=True)
        return None


def lines_below(folder: Path) -> Iterator[dict[str, str]]:
    """Of all tables there, those that say how long an epoch took."""
    for path in sorted(folder.glob("*.csv")):
        try:
            with open(path, newline="", encoding="utf-8") as stream:
                for line in csv.DictReader(stream):
                    if {"row", "data"} <= line.keys() and _is_number(line.get("s/epoch")):
                        yield line
        except (OSError, UnicodeDecodeError, csv.Error):
            continue  # a damaged table tells nothing, and is made again


def _is_number(text: str | None) -> bool:
    try:
        return float(text or "") >= 0
    except ValueError:
        return False
