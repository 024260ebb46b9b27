"""What a person sees while a model trains: a progress bar with an ETA, or lines where there is no terminal; TensorBoard."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from recsys_cli.text import duration
from recsys_cli.training.event_file import EventFile
from recsys_cli.training.fit import Progress

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} epochs [{elapsed}{postfix}]"
LINES_EVERY = 30  # seconds
RECENT = 20  # epochs
LONG = 60  # seconds: worth to be said as soon as it is known


class RemainingTime:
    """Seconds until the last epoch, from what passed in this process.

    The first epoch, and the first with an evaluation, are slow because loops are compiled in them: they do not count,
    save what follows the first chunk of steps of an epoch, as long as there is nothing else.
    """

    def __init__(self, epochs: int, position: float, now: float):
        self.epochs, self._position, self._epoch_began = epochs, position, now
        self._chunks: list[tuple[float, float]] = []  # position and time, of the epoch that is going on
        self._plain: list[float] = []
        self._evaluated: list[float] = []

    def chunk(self, position: float, now: float) -> None:
        """position: epochs done, with the fraction of the one that is going on."""
        self._position = position
        self._chunks.append((position, now))

    def epoch(self, position: float, now: float, evaluated: bool) -> None:
        """An epoch has ended, with an evaluation after it or without."""
        (self._evaluated if evaluated else self._plain).append(now - self._epoch_began)
        self._position, self._epoch_began, self._chunks = position, now, []

    def left(self) -> float | None:
        """None as long as only compilation was seen."""
        settled = [kind for kind in (self._plain, self._evaluated) if len(kind) > 1]
        if settled:
            total = sum(map(len, settled))
            per_epoch = sum(len(kind) / total * statistics.median(kind[1:][-RECENT:]) for kind in settled)
        elif len(self._chunks) > 1:
            (start, began), (end, now) = self._chunks[0], self._chunks[-1]
            per_epoch = (now - began) / max(end - start, 1e-9)
        else:
            return None if self._position < self.epochs else 0.0
        return max(0.0, self.epochs - self._position) * per_epoch


class Reporter:
    """Called by `fit` for every chunk of steps (fraction) and for every epoch (seconds, metrics)."""

    def __init__(self, epochs: int, progress: Progress, *, bar: bool, monitor: str | None, tensorboard: Path | None):
        self.epochs, self.monitor = epochs, monitor
        self._texts: list[str] = []
        terminal = bar and sys.stderr.isatty()
        self._bar = tqdm(
            total=epochs,
            initial=progress.epoch,
            desc="training",
            bar_format=BAR,
            disable=not terminal,
            file=sys.stderr,
            dynamic_ncols=True,
        )
        self._lines, self._told = bar and not terminal, False
        self._printed = time.perf_counter()
        self._remaining = RemainingTime(epochs, progress.epoch, self._printed)
        self._curves = EventFile(tensorboard) if tensorboard else None

    def __call__(
        self,
        progress: Progress,
        *,
        fraction: float | None = None,
        seconds: float = 0.0,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        now = time.perf_counter()
        if fraction is not None:
            self._remaining.chunk(progress.epoch + fraction, now)
            self._move(progress.epoch + fraction)
            self._tell_a_long_training()
            return
        self._remaining.epoch(progress.epoch, now, bool(metrics))
        loss = progress.losses[-1]
        value = [f"{self.monitor} {metrics[self.monitor]:.4f}"] if metrics and self.monitor else self._texts[2:]
        # Models in closed form have no objective to follow.
        self._texts = [f"{seconds:.2f} s/epoch", f"loss {loss:.6g}" if any(progress.losses) else "", *value]
        self._move(progress.epoch)
        if self._lines and (progress.epoch == self.epochs or metrics or now - self._printed > LINES_EVERY):
            self._printed = now
            print("  ".join([f"epoch {progress.epoch}/{self.epochs}", *self._shown()]), file=sys.stderr, flush=True)
        if self._curves:
            self._curves.add(progress.epoch, {"loss": loss, "seconds": seconds, **(metrics or {})})

    def close(self) -> None:
        self._bar.close()
        if self._curves:
            self._curves.close()

    def _shown(self) -> list[str]:
        left = self._remaining.left()
        return [text for text in (*self._texts, f"about {duration(left)} left" if left else "") if text]

    def _move(self, epochs_done: float) -> None:
        self._bar.set_postfix_str(", ".join(self._shown()), refresh=False)
        self._bar.update(epochs_done - self._bar.n)

    def _tell_a_long_training(self) -> None:
        """Once, as soon as it is known, where no bar shows it."""
        left = self._remaining.left()
        if self._lines and not self._told and left is not None:
            self._told = True
            if left > LONG:
                print(f"about {duration(left)} of training", file=sys.stderr, flush=True)
