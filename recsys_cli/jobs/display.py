"""What a person sees of several jobs: a line for each that ends, and below, on a terminal, one for each that runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from recsys_cli.jobs.job import FAILED, THERE, Event, Job, Outcome
from recsys_cli.jobs.remaining import Remaining
from recsys_cli.jobs.table import shown_metric
from recsys_cli.text import duration, terminal_width

REDRAWN = 0.2  # seconds
LINES_EVERY = 30  # seconds, where there is no terminal


class Display:
    """To be called with every event. jobs: all there will be, by number; of those still to be chosen, what they share."""

    def __init__(self, workers: int, jobs: Sequence[Job]):
        self.total = len(jobs)
        self._common = set.intersection(*(set(job.words) for job in jobs)) if len(jobs) > 1 else set()
        self._remaining, self._running, self._ended = Remaining(workers, jobs), dict[int, str](), 0
        self._terminal, self._drawn, self._told = sys.stderr.isatty(), 0, time.monotonic()
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        self._remaining.hear(event, now)
        if event.kind == "ended":
            self._running.pop(event.number, None)
            self._ended += 1
            self._clear()
            if event.outcome:
                self.tell_the_end(event.number, event.job, event.outcome)
        else:
            self._running[event.number] = self._line(event)
        if self._terminal:
            if event.kind != "epochs" or now - self._told > REDRAWN:
                self._told = now
                self._clear()
                self._draw(now)
        elif now - self._told > LINES_EVERY:
            self._told = now
            print("\n".join([self._overall(now), *self._running.values()]), file=sys.stderr, flush=True)

    def close(self) -> None:
        self._clear()

    def tell_the_end(self, number: int, job: Job, outcome: Outcome) -> None:
        words = " ".join(self._short(job))
        values = [f"{name} {value:.4f}" for name, value in shown_metric(outcome).items()]
        seconds = [] if outcome.status == THERE else [f"{outcome.seconds:.1f} s"]
        place = [outcome.run_dir] if outcome.run_dir else []
        print("  ".join([self._place(number), outcome.status, words, *values, *seconds, *place]), flush=True)
        if outcome.output and job.command != "train":
            print(outcome.output, end="", flush=True)
        elif outcome.error and outcome.status == FAILED:
            print(f"recsys: {outcome.error} (in {job})", file=sys.stderr, flush=True)

    def _line(self, event: Event) -> str:
        """Of a job that runs."""
        wanted = event.job.config.get("trainer", {}).get("epochs")
        far = (
            f"epoch {event.epochs[-1]['epoch']}/{wanted}" if event.epochs else "goes on" if event.resumed else "starts"
        )
        evaluated = [row for row in event.epochs if len(row) > 3]
        values = [f"{n} {v:.4f}" for n, v in evaluated[-1].items() if "@" in n or n == "AUC"] if evaluated else []
        return "  ".join([self._place(event.number), far, *self._short(event.job), *values[:1]])

    def _overall(self, now: float) -> str:
        left = self._remaining.left(now)
        text = "" if left is None else f", {'about' if left[1] else 'more than'} {duration(left[0])} left"
        return f"jobs: {self._ended}/{self.total} ended, {duration(now - self._began)}{text}"

    def _place(self, number: int) -> str:
        return f"[{number + 1}/{self.total}]"

    def _short(self, job: Job) -> list[str]:
        return [job.title] if job.title else [word for word in job.words if word not in self._common]

    def _draw(self, now: float) -> None:
        width = terminal_width() - 1
        lines = [line[:width] for line in (*self._running.values(), self._overall(now))]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
        self._drawn = len(lines)

    def _clear(self) -> None:
        if self._drawn:
            sys.stderr.write(f"\x1b[{self._drawn}A\x1b[J")  # up, and all below away
            sys.stderr.flush()
            self._drawn = 0
