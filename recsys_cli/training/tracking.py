"""A training is followed in MLflow (`tracking=mlflow`): parameters, metrics of every epoch, the result and its files.

Where to is said by MLflow's own variables: MLFLOW_TRACKING_URI (without it the folder mlruns here) and
MLFLOW_EXPERIMENT_NAME (recsys). What MLflow cannot take is told once, and training goes on without it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from data_prep.errors import UserError
from recsys_cli.config.library import flatten
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import Run
from recsys_cli.runs.kept import result_of
from recsys_cli.runs.metrics_log import METRICS
from recsys_cli.runs.record import RECORD

SECONDS = 5  # between two calls, each of which may go over a network
LONGEST, AT_ONCE = 500, 100  # characters of a parameter, parameters in a call
ID = "mlflow_run"  # in record.json: what a resumed run goes on with
STATUS = {"finished": "FINISHED", "interrupted": "KILLED"}
FILES = (CONFIG, RECORD, METRICS, "test.json", "validation.json", "test_per_user.npz", "validation_per_user.npz")


def check_installed() -> None:
    """Raises UserError where MLflow is not, before there is a run."""
    if find_spec("mlflow") is None:
        raise UserError("tracking=mlflow needs MLflow: pip install 'recsys[mlflow]'")


class MlflowTracker:
    """Called as a `Reporter` is, for every epoch; `close` when the run has ended."""

    def __init__(self, run: Run):
        where = os.environ.get("MLFLOW_TRACKING_URI") or "mlruns"
        if "://" not in where or where.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it wants a database otherwise
        self._id, self._lost = "", False
        self._client: Any = None
        self._waiting: list[Any] = []
        self._called = time.monotonic()
        self._try(self._begin, where, run)

    def __call__(self, progress, *, fraction=None, seconds: float = 0.0, metrics: Mapping[str, float] | None = None):
        if fraction is not None:
            return
        self._add({"loss": progress.losses[-1], "seconds": seconds, **(metrics or {})}, progress.epoch)
        if time.monotonic() - self._called > SECONDS:
            self._flush()

    def close(self, run: Run) -> None:
        """Sends the result and the files of the run, and how it ended."""
        for split in ("test", "validation"):
            found = result_of(run.path, split)
            if found and run.record["status"] == "finished":
                means = {f"{split}/{name}": value["mean"] for name, value in found["metrics"].items()}
                self._add(means, run.record.get("epoch") or 0)
        self._flush()
        status = STATUS.get(run.record["status"], "FAILED")
        for file in (run.path / name for name in FILES):
            if file.is_file():
                self._ask("log_artifact", str(file))
        self._ask("set_terminated", status)

    def _begin(self, where: str, run: Run) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient(where)
        self._id = self._again(run.record.get(ID)) or self._new(run)
        run.record[ID] = self._id
        run.write_record()
        values = {key: str(value)[:LONGEST] for key, value in flatten(run.settings).items()}
        new = [Param(key, value) for key, value in values.items() if key != "trainer.epochs"]  # it may grow in a resume
        for first in range(0, len(new), AT_ONCE):
            self._client.log_batch(self._id, params=new[first : first + AT_ONCE])
        print(f"tracked in MLflow as {self._id}")

    def _again(self, id: Any) -> str | None:
        """The MLflow run that a resumed run goes on with, if it is there and of this program."""
        if not (isinstance(id, str) and re.fullmatch(r"[0-9a-f]{32}", id)):
            return None
        try:
            self._client.update_run(id, status="RUNNING")
        except Exception:  # another store, or none
            return None
        return id

    def _new(self, run: Run) -> str:
        from mlflow.exceptions import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "recsys"
        try:
            experiment = self._client.create_experiment(name)
        except MlflowException:  # it is there, perhaps since this moment
            experiment = self._client.get_experiment_by_name(name).experiment_id
        return self._client.create_run(experiment, run_name=run.path.name).info.run_id

    def _add(self, values: Mapping[str, float], epoch: int) -> None:
        if self._lost:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [Metric(name.replace("@", "_at_"), value, now, epoch) for name, value in values.items()]

    def _flush(self) -> None:
        waiting, self._waiting, self._called = self._waiting, [], time.monotonic()
        for first in range(0, len(waiting), 1000):
            self._ask("log_batch", waiting[first : first + 1000])

    def _ask(self, method: str, *args: Any) -> None:
        """A method of the client, about the MLflow run of this training."""
        self._try(lambda: getattr(self._client, method)(self._id, *args))

    def _try(self, action: Callable[..., object], *args: Any) -> None:
        """Nothing that MLflow says ends a training; after a first failure it is left alone."""
        if self._lost:
            return
        try:
            action(*args)
        except Exception as error:
            self._lost = True
            reason = " ".join(str(error).split())[:200]
            print(f"warning: not tracked in MLflow any more: {reason}", file=sys.stderr, flush=True)


def both(first: Callable[..., None], second: Callable[..., None] | None) -> Callable[..., None]:
    """What fit reports goes to both."""

    def report(*args: Any, **facts: Any) -> None:
        first(*args, **facts)
        if second:
            second(*args, **facts)

    return report
