"""How long several jobs will still take, from what was seen of them here."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from recsys_cli.jobs.job import FINISHED, Event, Job


class Running(NamedTuple):
    """began: seconds, of a clock. first: when its first new epochs were seen, and how many; in_all: seconds."""

    job: Job
    began: float
    first: tuple[float, int] | None = None
    in_all: float | None = None

    def heard(self, epochs: int, now: float) -> Running:
        """The first epochs compile, so that only what came after them tells how long one takes."""
        if self.first is None:
            return self._replace(first=(now, epochs))
        then, before = self.first
        wanted = self.job.config.get("trainer", {}).get("epochs") or 0
        if epochs <= before:
            return self
        each = (now - then) / (epochs - before)
        return self._replace(in_all=now - self.began + max(0, wanted - epochs) * each)


class Remaining:
    """jobs: all there will be, by number."""

    def __init__(self, workers: int, jobs: Sequence[Job]):
        self.workers = workers
        self._waiting: dict[int, Job] = dict(enumerate(jobs))
        self._running: dict[int, Running] = {}
        self._took: dict[str, list[float]] = defaultdict(list)

    def hear(self, event: Event, now: float) -> None:
        expected = self._waiting.pop(event.number, event.job)
        if event.kind == "started":
            self._running[event.number] = Running(expected, now)
        elif event.kind == "epochs":
            self._running[event.number] = self._running[event.number].heard(len(event.epochs), now)
        else:
            self._running.pop(event.number, None)
            if event.outcome and event.outcome.status == FINISHED:
                self._took[_kind(event.job)].append(event.outcome.seconds)

    def left(self, now: float) -> tuple[float, bool] | None:
        """Seconds, and whether that is all: False where there are jobs of a kind that was never seen. None: not known."""
        running = [(run.in_all or self._usual(run.job), now - run.began) for run in self._running.values()]
        waiting = [self._usual(job) for job in self._waiting.values()]
        known = [max(0.0, in_all - passed) for in_all, passed in running if in_all is not None]
        longest = max(known, default=0.0)
        known += [seconds for seconds in waiting if seconds is not None]
        if not known:
            return None
        return max(longest, sum(known) / self.workers), len(known) == len(running) + len(waiting)

    def _usual(self, job: Job) -> float | None:
        """Of jobs of this kind that ended, or else of those that run, or else what is known beforehand."""
        kind = _kind(job)
        took = self._took.get(kind) or [r.in_all for r in self._running.values() if r.in_all and _kind(r.job) == kind]
        return statistics.mean(took) if took else job.seconds


def _kind(job: Job) -> str:
    """Jobs of one kind take about as long as each other."""
    cfg = job.config
    epochs = cfg.get("trainer", {}).get("epochs")
    return f"{job.command} {cfg.get('model', {}).get('name')} {cfg.get('data', {}).get('name')} {epochs}"
