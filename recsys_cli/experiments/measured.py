"""What a finished run says: its metrics, those of each user, its seconds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.experiments.plan import DEFINITIONS, Job
from recsys_cli.runs.directory import EVALUATIONS, state_folder
from recsys_cli.runs.kept import read_result
from recsys_cli.runs.record import read_record

TEST, DELETIONS = "test", "deletions"
TIMES = {  # as the tables call them -> in record.json
    "time_per_epoch": "seconds_per_epoch",
    "epochs": "epoch",
    "total_training_time": "training_seconds",
}


class Measured(NamedTuple):
    """metrics: means by name, and seconds as the tables call them. record: of the run. per_user: the file of the values
    of each user."""

    job: Job
    path: Path
    metrics: dict[str, float]
    record: dict[str, Any]
    per_user: Path


def measured(job: Job, name: str = TEST) -> Measured | None:
    """name: of the result. None where there is none. Raises UserError for a damaged one, and for one of other definitions."""
    if job.found is None or (content := read_result(job.found, name)) is None:
        return None
    if name == TEST:
        for key in DEFINITIONS:
            if (there := content["protocol"].get(key)) != job.config.evaluation[key]:
                raise UserError(
                    f"{job.found}: its result was made with {key}={there}: {job.title} is made anew without it."
                )
    folder = (state_folder(job.found) or job.found) if name == TEST else job.found / EVALUATIONS
    metrics = {metric: float(value["mean"]) for metric, value in content["metrics"].items()}
    record = read_record(job.found)
    kept = ("time_per_epoch",) if job.row.brief else tuple(TIMES)
    deleted = read_result(job.found, DELETIONS) if name == TEST else None
    metrics |= {metric: float(value["mean"]) for metric, value in (deleted or {"metrics": {}})["metrics"].items()}
    metrics |= {name: float(record[TIMES[name]]) for name in kept if isinstance(record.get(TIMES[name]), int | float)}
    return Measured(job, job.found, metrics, record, folder / f"{name}_per_user.npz")


class PerUser:
    """Values of each user, mean over the seeds of a row; read once."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[str, dict[str, np.ndarray]]] = {}

    def mean(self, runs: list[Measured], metric: str) -> tuple[str, np.ndarray] | None:
        """A hash of the users, in their order, and float64 [users]; None where they are not kept, or differ."""
        from recsys_cli.evaluation.summary import load_per_user

        for run in runs:
            if run.per_user not in self._read:
                if not run.per_user.is_file():
                    return None
                users, values = load_per_user(run.per_user)
                self._read[run.per_user] = hashlib.sha256("\n".join(map(str, users)).encode()).hexdigest(), values
        found = [self._read[run.per_user] for run in runs]
        if len({users for users, _ in found}) != 1 or any(metric not in values for _, values in found):
            return None
        return found[0][0], np.mean([values[metric] for _, values in found], axis=0)
