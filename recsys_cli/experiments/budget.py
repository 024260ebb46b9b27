"""What fits into the time that was given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from recsys_cli.experiments.plan import Job

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str | None) -> float | None:
    """30m, 2h, 1.5d; None for no limit."""
    return None if text is None else float(text[:-1]) * UNITS[text[-1]]


class Budget:
    """Begins when it is made."""

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic):
        self._clock, self._end = clock, None if seconds is None else clock() + seconds
        self.left_out = 0

    @property
    def left(self) -> float:
        """Seconds; infinity without a limit."""
        return float("inf") if self._end is None else self._end - self._clock()

    @property
    def over(self) -> bool:
        return self.left <= 0

    def fitting(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Those that fit into what is left when their turn comes; a job of unknown length does as long as anything is."""
        for job in jobs:
            if self.over or (job.seconds or 0.0) > self.left:
                self.left_out += 1
            else:
                yield job
