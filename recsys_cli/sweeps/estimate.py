"""How long a sweep will take: from its own finished trials, or from a trial of a few epochs made for that."""

from __future__ import annotations

import statistics
from pathlib import Path

from recsys_cli.jobs import Job, run_jobs
from recsys_cli.runs.metrics_log import METRICS, read_epochs
from recsys_cli.runs.record import read_record
from recsys_cli.sweeps.search import ALWAYS, Search

PROBE = 4  # epochs; the first one compiles
WORTH_IT = 20  # epochs of a trial, below which a probe takes about as long


def seconds_of_a_trial(search: Search) -> float | None:
    """Without another one running beside it; None where nothing is known."""
    took = [_seconds(search.run_of(trial)) for trial in search.trials() if trial.state.name == "COMPLETE"]
    if known := [seconds for seconds in took if seconds is not None]:
        return statistics.mean(known)
    return _probed(search) if search.config.trainer.epochs > WORTH_IT else None


def _probed(search: Search) -> float | None:
    """By a run of its own, with the settings of the model as they are."""
    run = search.folder / "probe" / search.model
    words = [*search.words, *ALWAYS, f"trainer.epochs={PROBE}", f"run_dir='{run}'"]
    (outcome,) = run_jobs([Job.of(words, search.library)])
    if outcome.run_dir is None or outcome.code:
        return None
    epochs = [row["seconds"] for row in read_epochs(Path(outcome.run_dir) / METRICS)]
    record = read_record(Path(outcome.run_dir))
    each = statistics.median(epochs[1:] or [0.0])
    wanted, every = search.config.trainer.epochs, search.config.trainer.eval_every
    evaluations = wanted // every if every else 1
    return sum(epochs) + (wanted - len(epochs)) * each + (1 + evaluations) * record.get("evaluation_seconds", 0.0)


def _seconds(run: Path) -> float | None:
    """Of a whole trial."""
    record = read_record(run)
    seconds = record.get("training_seconds")
    return seconds + 2 * record.get("evaluation_seconds", 0.0) if isinstance(seconds, int | float) else None
