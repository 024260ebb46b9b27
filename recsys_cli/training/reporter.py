"""What a person sees while a model trains: a progress bar with an ETA, or lines where there is no terminal; TensorBoard."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from recsys_cli.training.fit import Progress

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} epochs [{elapsed}<{remaining}{postfix}]"


class Reporter:
    """Called by `fit` for every chunk of steps (fraction) and for every epoch (seconds, metrics)."""

    def __init__(self, epochs: int, progress: Progress, *, bar: bool, monitor: str | None, tensorboard: Path | None):
        self.epochs, self.monitor, self._value = epochs, monitor, None
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
        self._lines = bar and not terminal
        self._began, self._first, self._printed = time.perf_counter(), progress.epoch, time.perf_counter()
        self._writer = _writer(tensorboard)

    def __call__(
        self,
        progress: Progress,
        *,
        fraction: float | None = None,
        seconds: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if fraction is not None:
            self._move(progress.epoch + fraction)
            return
        if metrics and self.monitor:
            self._value = f"{self.monitor} {metrics[self.monitor]:.4f}"
        loss = progress.losses[-1]
        self._bar.set_postfix_str(
            ", ".join(filter(None, [f"{seconds:.2f} s/epoch", f"loss {loss:.4g}", self._value])), refresh=False
        )
        self._move(progress.epoch)
        if self._lines and (progress.epoch == self.epochs or metrics or time.perf_counter() - self._printed > 30):
            self._printed = time.perf_counter()
            left = (self._printed - self._began) / (progress.epoch - self._first) * (self.epochs - progress.epoch)
            text = f"epoch {progress.epoch}/{self.epochs}  loss {loss:.6g}  {seconds:.2f} s  about {left:.0f} s left"
            print("  ".join(filter(None, [text, self._value])), file=sys.stderr, flush=True)
        if self._writer:
            self._scalars(progress.epoch, {"loss": loss, "seconds": seconds, **(metrics or {})})

    def close(self) -> None:
        self._bar.close()
        if self._writer:
            self._writer.close()

    def _move(self, epochs_done: float) -> None:
        # Evaluations lie between epochs, so the remaining time is an average that includes them.
        self._bar.update(epochs_done - self._bar.n)

    def _scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        import tensorflow as tf

        # tf.summary.scalar needs the tensorboard package to write; only those who look at the curves need it.
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        )
        with self._writer.as_default(step=epoch):
            for name, value in values.items():
                tf.summary.write(name.replace("@", "_at_"), tf.constant(value, tf.float32), metadata=metadata)


def _writer(folder: Path | None):
    if folder is None:
        return None
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))
