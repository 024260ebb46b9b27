"""The runs that lie below a folder, however deep, by what was asked of them; and how long they took."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from recsys_cli.multirun import JOB_HASH
from recsys_cli.runs.bearing import BEARING
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import CURRENT, state_folder
from recsys_cli.runs.identity import DATA_HASH
from recsys_cli.runs.record import NO_RECORD, read_record

DEPTH = 4  # folders below runs_dir that are looked into
STARTING = 8  # seconds until a process trains
FIRST_STATE = "0"


class Known(NamedTuple):
    path: Path
    record: dict[str, Any]

    def is_of(self, bearing: str, data_hash: str) -> bool:
        """Whether this program, on these data, would compute the same."""
        return self.record.get(BEARING) == bearing and self.record.get(DATA_HASH, data_hash) == data_hash

    @property
    def finished(self) -> bool:
        return self.record["status"] == "finished" and not self.has_forgotten

    @property
    def has_forgotten(self) -> bool:
        """Whether it is a run that can forget, and did."""
        if not (self.path / CURRENT).is_symlink():
            return False
        folder = state_folder(self.path)
        return folder is not None and folder.name != FIRST_STATE


class Runs:
    """by_job: those asked for with the same settings, in the order of their paths. damaged: those without a record."""

    def __init__(self, folder: Path):
        self.damaged: list[Path] = []
        self.by_job: dict[str, list[Known]] = defaultdict(list)
        self._epoch: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._evaluation: dict[tuple[str, str], list[float]] = defaultdict(list)
        for path in run_folders(folder):
            self.add(path)

    def add(self, path: Path) -> None:
        record = read_record(path)
        if record["status"] == NO_RECORD:
            self.damaged.append(path)
        if digest := record.get(JOB_HASH):
            self.by_job[str(digest)].append(Known(path, record))
        about = (str(record.get("model")), str(record.get("data")))
        per_epoch, evaluation = record.get("seconds_per_epoch"), record.get("evaluation_seconds")
        if isinstance(per_epoch, int | float) and isinstance(evaluation, int | float):
            self._epoch[about].append(per_epoch)
            self._evaluation[about].append(evaluation)

    def seconds(self, model: str, data: str, epochs: int) -> float | None:
        """About how long a run takes here, by runs of the same model and data; None where there is none."""
        about = (model, data)
        if about not in self._epoch:
            return None
        return STARTING + epochs * statistics.median(self._epoch[about]) + statistics.median(self._evaluation[about])


def run_folders(folder: Path) -> Iterator[Path]:
    """Run directories below a folder; links are not followed."""
    todo = [(Path(folder).expanduser(), 0)]
    while todo:
        place, depth = todo.pop(0)
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            continue
        if any(entry.name == CONFIG and entry.is_file(follow_symlinks=False) for entry in entries):
            yield place
        elif depth < DEPTH:
            todo += [(place / e.name, depth + 1) for e in entries if e.is_dir(follow_symlinks=False)]
