"""The other way to forget: one model trained on all remaining rows, to compare its cost and metrics with."""

from __future__ import annotations

import shutil
import time
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.protocol import Result
from recsys_cli.evaluation.summary import Interval, intervals
from recsys_cli.models.base import Model
from recsys_cli.runs.metrics_log import METRICS, MetricsLog
from recsys_cli.training.build import build_learner, build_model, epochs_of
from recsys_cli.training.fit import Progress, fit
from recsys_cli.training.reporter import Reporter
from recsys_cli.training.selection import score
from recsys_cli.unlearning.state import clear_trial


class Retrained(NamedTuple):
    model: Model
    result: Result
    seconds: float


def retrain(run: Path, config, dataset: Dataset) -> Retrained:
    """As `recsys train unlearning=none` would, with the seed and the settings of the run; nothing is kept.

    What a kill leaves lies in the run directory, and the next call removes it.
    """
    began = time.perf_counter()
    model = build_model(config.model, dataset, config.seed)
    train_model(clear_trial(run), config, model)
    seconds = time.perf_counter() - began
    return Retrained(model, score(config.evaluation, model, dataset, "test", config.seed), seconds)


def train_model(folder: Path, config, model: Model) -> Model:
    """Trains it for the epochs of the config, by its seed, without a look at any held-out part.

    config: the root node of a run. folder: for what is written on the way, removed again. Raises Stopped for a signal.
    """
    config = deepcopy(config)
    config.trainer.epochs = epochs_of(model, config)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    progress, log = Progress(), MetricsLog(folder / METRICS, 0)
    reporter = Reporter(config.trainer.epochs, progress, bar=config.trainer.progress, monitor=None, tensorboard=None)
    try:
        fit(build_learner(config, model), folder / "checkpoints", config.trainer, progress, None, log, reporter)
    finally:
        reporter.close()
        shutil.rmtree(folder, ignore_errors=True)
    return model


def differences(after: Result, retrained: Result, config) -> dict[str, Interval]:
    """Of each metric that is a mean over users, after less retrained, paired by user, with a 95 % bootstrap interval."""
    both = {name: (values, retrained.per_user[name]) for name, values in after.per_user.items()}
    paired = {
        name: here - there
        for name, (here, there) in both.items()
        if isinstance(here, np.ndarray) and isinstance(there, np.ndarray)
    }
    assert np.array_equal(after.users, retrained.users)
    return intervals(paired, config.evaluation.bootstrap, config.seed) if paired else {}
