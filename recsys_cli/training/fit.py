"""The training loop: epochs of compiled steps, evaluations, checkpoints, early stopping, and a clean stop on a signal."""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from data_prep.errors import UserError
from data_prep.settings import Settings, field
from recsys_cli.runs.metrics_log import MetricsLog
from recsys_cli.training import checkpoint as ckpt

if TYPE_CHECKING:
    from recsys_cli.models.base import Scorer

CHUNK_SECONDS = 0.5  # how long a stop signal may wait, and how often the progress bar moves


@dataclasses.dataclass(frozen=True)
class TrainerSettings(Settings):
    """How long to train, and what is done on the way."""

    epochs: int = field(200, "passes over the training data", low=0)
    batch_size: int = field(512, "users, items or pairs of one step, by the loss", low=1)
    eval_every: int = field(10, "epochs; 0: only after the last one", low=0)
    early_stopping: int | None = field(
        None, "evaluations without improvement before training stops; null: never", low=1
    )
    monitor: str | None = field(
        None,
        "by which epochs are compared; null: NDCG at the first evaluation.k, or MAE of ratings",
        pattern=(r"AUC|(User)?(MAE|RMSE)|\w+@[1-9]\d*", "a metric such as NDCG@10, AUC or MAE"),
    )
    checkpoint_every: int = field(10, "epochs", low=1)
    keep_checkpoints: int = field(2, "the newest ones", low=1)
    progress: bool = field(True, "show a progress bar")


class Learner(Protocol):
    """Anything that trains in epochs of steps; see `learner.GradientLearner`."""

    def state(self) -> Mapping[str, Any]: ...
    def scorer(self) -> Scorer: ...
    def begin(self, epoch: int) -> int: ...
    def run(self, first: int, last: int, total: float) -> float: ...


@dataclasses.dataclass
class Progress:
    """Where training stands: `epoch` whole epochs and `step` steps of the next one, whose losses add up to `total`."""

    epoch: int = 0
    step: int = 0
    total: float = 0.0
    best_epoch: int = 0
    best_value: float = -math.inf
    losses: list[float] = dataclasses.field(default_factory=list)

    def header(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        values["best_value"] = None if math.isinf(self.best_value) else self.best_value
        return values

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> Progress:
        try:
            values = {f.name: header[f.name] for f in dataclasses.fields(cls)}
            values["best_value"] = -math.inf if values["best_value"] is None else float(values["best_value"])
            counts = (values[name] for name in ("epoch", "step", "best_epoch"))
            fits = all(type(count) is int and count >= 0 for count in counts) and isinstance(values["losses"], list)
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise UserError("the checkpoint does not say where training stands: it was written by another program.")
        return cls(**values)


class Stopped(Exception):
    """A signal came; everything is saved."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


@dataclasses.dataclass
class Evaluation:
    """evaluate: () -> means by metric name. monitor: the one that early stopping and the best epoch go by, where more
    is better, or less."""

    evaluate: Callable[[], Mapping[str, float]]
    monitor: str
    keep_best: bool
    lower_is_better: bool = False

    def better(self, new: float, old: float) -> bool:
        """old: infinite where there is none yet."""
        if math.isinf(old):
            return not math.isnan(new)
        return new < old if self.lower_is_better else new > old


def fit(
    learner: Learner,
    checkpoints: Path,
    settings: Any,
    progress: Progress,
    evaluation: Evaluation | None,
    log: MetricsLog,
    report: Callable[..., None],
    identity: Mapping[str, str] | None = None,
) -> Progress:
    """Trains from `progress` to settings.epochs (TrainerSettings, or a node of them) and returns where it ended.

    checkpoints: the folder for them. identity: what they are to be recognised by (runs/identity.py).
    Raises Stopped after saving when SIGINT, SIGTERM or SIGHUP came, UserError when the loss is not finite.
    """
    settings = TrainerSettings.from_config(settings, "trainer")
    state, pace = learner.state(), Pace()

    def save(name: str) -> None:
        log.sync()
        header = progress.header() | ({"identity": dict(identity)} if identity else {})
        ckpt.save(checkpoints / name, {n: v.numpy() for n, v in state.items()}, header)

    with _signals() as received:
        while progress.epoch < settings.epochs and not _exhausted(progress, settings):
            steps = learner.begin(progress.epoch)
            seconds = _epoch(learner, steps, pace, progress, received, report)
            if progress.step < steps:  # stopped inside the epoch
                save(ckpt.numbered("epoch", progress.epoch, progress.step))
                raise Stopped(received[0])
            progress.losses.append(progress.total)
            progress.epoch, progress.step, progress.total = progress.epoch + 1, 0, 0.0

            metrics, last = None, progress.epoch == settings.epochs
            if evaluation and (last or (settings.eval_every and progress.epoch % settings.eval_every == 0)):
                metrics = evaluation.evaluate()
                if evaluation.better(metrics[evaluation.monitor], progress.best_value):
                    progress.best_value, progress.best_epoch = metrics[evaluation.monitor], progress.epoch
                    if evaluation.keep_best:
                        save(ckpt.numbered("best", progress.epoch))
                        ckpt.prune(checkpoints, 1, "best")
            log.add(progress.epoch, progress.losses[-1], seconds, metrics)
            report(progress, seconds=seconds, metrics=metrics)
            if last or received or progress.epoch % settings.checkpoint_every == 0 or _exhausted(progress, settings):
                save(ckpt.numbered("epoch", progress.epoch))
                ckpt.prune(checkpoints, settings.keep_checkpoints)
            if received and not last:
                raise Stopped(received[0])
    return progress


@dataclasses.dataclass
class Pace:
    """How many steps take about CHUNK_SECONDS, as far as is known: an epoch that is shorter is one call of the compiled
    loop, within which a GPU waits for nobody."""

    steps: int | None = None

    def chunk(self, steps: int) -> int:
        """steps: of the epoch."""
        if self.steps is None:
            self.steps = max(1, steps // 100)
        return self.steps

    def took(self, steps: int, seconds: float) -> None:
        self.steps = max(1, int(steps * min(8.0, CHUNK_SECONDS / max(seconds, 1e-9))))


def _epoch(learner: Learner, steps: int, pace: Pace, progress: Progress, received: list[int], report) -> float:
    """Runs the rest of an epoch in chunks, so that signals and the progress bar are served; returns seconds."""
    began = time.perf_counter()
    while progress.step < steps and not received:
        last, start = min(progress.step + pace.chunk(steps), steps), time.perf_counter()
        total = learner.run(progress.step, last, progress.total)
        if not math.isfinite(total):
            raise UserError(
                f"the loss became {total} in epoch {progress.epoch + 1}, steps {progress.step + 1}-{last} of {steps}. "
                "The last checkpoint before it is kept. Usually optimizer.learning_rate is too high."
            )
        pace.took(last - progress.step, time.perf_counter() - start)
        progress.step, progress.total = last, total
        report(progress, fraction=progress.step / steps)
    return time.perf_counter() - began


def _exhausted(progress: Progress, settings) -> bool:
    """Early stopping: `early_stopping` evaluations have passed without a better value."""
    if settings.early_stopping is None or not progress.best_epoch:
        return False
    return progress.epoch - progress.best_epoch >= settings.early_stopping * settings.eval_every


@contextmanager
def _signals():
    """Collects the first SIGINT, SIGTERM or SIGHUP; a second one has its usual effect. After nohup, SIGHUP has none."""
    received: list[int] = []

    def handle(signum, frame):
        received.append(signum)
        for s, handler in before.items():
            signal.signal(s, handler)

    stopping = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        stopping.append(signal.SIGHUP)
    before = {s: signal.signal(s, handle) for s in stopping}
    try:
        yield received
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
