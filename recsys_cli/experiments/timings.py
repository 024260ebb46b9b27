"""How long runs took here, for estimates of those to come."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

STARTING = 6  # seconds until a process trains


class Timings:
    """records: of runs (record.json)."""

    def __init__(self, records: Iterable[Mapping[str, Any]]):
        self._epoch: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._evaluation: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            about = (str(record.get("model")), str(record.get("data")))
            per_epoch, evaluation = record.get("seconds_per_epoch"), record.get("evaluation_seconds")
            if isinstance(per_epoch, int | float) and isinstance(evaluation, int | float):
                self._epoch[about].append(per_epoch)
                self._evaluation[about].append(evaluation)

    def seconds(self, model: str, data: str, epochs: int) -> float | None:
        """About how long a run takes, by runs of the same model and data; None where there is none."""
        about = (model, data)
        if about not in self._epoch:
            return None
        return STARTING + epochs * statistics.median(self._epoch[about]) + statistics.median(self._evaluation[about])
