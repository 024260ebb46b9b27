"""metrics.jsonl of a run: a line per epoch with its loss, seconds and, where it was evaluated, the metrics."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import open_file, read_file, write_file

METRICS = "metrics.jsonl"


class MetricsLog:
    """Goes on after the whole epochs that are done; a resumed run does those after its checkpoint again."""

    def __init__(self, path: Path, after_epoch: int):
        kept = [row for row in read_epochs(path) if row["epoch"] <= after_epoch] if path.exists() else []
        self._seconds = [row["seconds"] for row in kept]
        write_file(path, "".join(map(_line, kept)).encode())
        self._stream = os.fdopen(open_file(path, flags=os.O_WRONLY | os.O_APPEND), "a")

    @property
    def seconds(self) -> float:
        """Training time of all epochs, those before a resume included."""
        return sum(self._seconds)

    @property
    def median_seconds(self) -> float:
        return statistics.median(self._seconds) if self._seconds else 0.0

    def add(self, epoch: int, loss: float, seconds: float, metrics: Mapping[str, float] | None) -> None:
        self._seconds.append(seconds)
        self._stream.write(_line({"epoch": epoch, "loss": loss, "seconds": round(seconds, 4), **(metrics or {})}))
        self._stream.flush()

    def sync(self) -> None:
        """To be called before a checkpoint vouches for the epochs."""
        os.fsync(self._stream.fileno())


def read_epochs(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log; what a kill left of a last one is passed over. Raises UserError for any other."""
    rows = []
    try:
        lines = read_file(path).decode().split("\n")[:-1]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    for number, text in enumerate(lines, 1):
        try:
            row = json.loads(text)
            fits = type(row["epoch"]) is int and isinstance(row["seconds"], int | float)
        except (ValueError, TypeError, KeyError, RecursionError):
            fits = False
        if not fits:
            raise UserError(
                f"{path} is damaged in line {number}: remove that line, or the file, which is of no use to training; "
                "only the seconds and metrics of those epochs are lost."
            )
        rows.append(row)
    return rows


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"
