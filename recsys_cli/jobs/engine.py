"""Runs jobs, some at a time, each in a process of its own; what is there already is not done again.

    from recsys_cli.jobs import Job, run_jobs
    outcomes = run_jobs([Job.of(["model=bpr", "seed=1"], library())], workers=2, on_event=print)

Killed at any moment and called again, it takes finished runs as they are and goes on with unfinished ones.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from data_prep.errors import UserError
from recsys_cli.execute import SIGNALLED, USER_ERROR
from recsys_cli.jobs.claim import Claim
from recsys_cli.jobs.found import Found
from recsys_cli.jobs.identity import can_be_found
from recsys_cli.jobs.job import FAILED, NOT_RUN, STOPPED, THERE, Event, Job, Outcome
from recsys_cli.jobs.nursery import Ended, Nursery
from recsys_cli.jobs.task import Task
from recsys_cli.runs.directory import in_use
from recsys_cli.training.device import cores

TICK = 0.25  # seconds between two looks at what runs
AGAIN = 2.0  # seconds between two looks at a job that another process does


class Starter(Protocol):
    """Where jobs run: nursery.Nursery, or what a test puts in its place."""

    def start(self, id: int, command: str, config, log: str) -> None: ...
    def signal(self, id: int, number: int) -> None: ...
    def wait(self, seconds: float) -> list[Ended]: ...
    def close(self) -> None: ...


def run_jobs(
    jobs: Iterable[Job],
    workers: int = 1,
    on_event: Callable[[Event], bool | None] | None = None,
    starter: Callable[[], Starter] | None = None,
) -> list[Outcome]:
    """How each job ended, in the order of the jobs.

    jobs: asked for one by one, whenever a worker is free, so that a search can choose the next by what came before.
    workers: jobs at a time; a job whose device.threads is null gets its share of the cores.
    on_event: told of every start, new epochs and end, in this thread; true as the answer to epochs stops that job, saved.

    Ctrl-C, SIGTERM and SIGHUP, when this is called in the main thread, stop all jobs, saved; jobs that were not begun
    are NOT_RUN. A job that another process is doing is waited for. A job that fails does not end the others.
    """
    crew = (starter or Nursery)()
    engine = Engine(crew, workers, on_event or (lambda event: None))
    try:
        with _stopping(engine):
            return engine.run(jobs)
    finally:
        crew.close()
        for task in engine.running.values():  # where something other than a job failed
            task.release()


class Engine:
    def __init__(self, crew: Starter, workers: int, on_event: Callable[[Event], bool | None]):
        self.crew, self.workers, self.on_event = crew, workers, on_event
        self.threads = None if workers == 1 else max(1, cores() // workers)
        self.found = Found()
        self.running: dict[int, Task] = {}
        self.elsewhere: deque[tuple[int, Job]] = deque()
        self.outcomes: dict[int, Outcome] = {}
        self.signal = 0

    def run(self, jobs: Iterable[Job]) -> list[Outcome]:
        rest = enumerate(jobs)
        more, looked = True, time.monotonic()
        while more or self.running or self.elsewhere:
            while more and len(self.running) < self.workers and not self.signal:
                if (job := next(rest, None)) is None:
                    more = False
                elif not self._begin(*job):
                    self.elsewhere.append(job)
            if self.signal:
                self._leave(rest if more and isinstance(jobs, list | tuple) else iter(()))
                more = False
            if self.elsewhere and len(self.running) < self.workers and time.monotonic() - looked > AGAIN:
                looked = time.monotonic()
                self.found.look()
                job = self.elsewhere.popleft()
                if not self._begin(*job):
                    self.elsewhere.append(job)
            self._attend()
        return [self.outcomes[number] for number in sorted(self.outcomes)]

    def stop(self, number: int) -> None:
        """Asks all that run to save and stop; a second time, to end at once."""
        self.signal = number
        for id in list(self.running):
            self.crew.signal(id, signal.SIGTERM)

    def _begin(self, number: int, job: Job) -> bool:
        """Starts the job, or finds what it would make; False where another process is at it."""
        claim, unfinished, began = None, None, time.perf_counter()
        try:
            if job.command == "train" and can_be_found(job.config):
                if (claim := Claim.take(job.config)) is None:
                    return False
                if job.settled and job.settled():
                    claim.release()
                    self.outcomes[number] = Outcome(job.words, STOPPED)
                    return True
                if there := self.found.finished(job.config):
                    claim.release()
                    monitor = job.config.trainer.monitor
                    self._end(number, job, Outcome(job.words, THERE, 0.0, str(there), monitor))
                    return True
                if (unfinished := self.found.unfinished(job.config)) and in_use(unfinished):
                    claim.release()
                    return False
            task = Task(number, job, claim, unfinished, self.threads)
        except UserError as error:
            if claim:
                claim.release()
            seconds = time.perf_counter() - began
            self._end(number, job, Outcome(job.words, FAILED, seconds, code=USER_ERROR, error=f"error: {error}"))
            return True
        self.running[number] = task
        self.on_event(Event("started", number, job, task.run_dir, resumed=unfinished is not None))
        self.crew.start(number, job.command, task.config, str(task.log))
        return True

    def _attend(self) -> None:
        """Waits a little for what ends, and passes on what is new."""
        if not self.running:
            time.sleep(TICK if self.elsewhere else 0)
            return
        for ended in self.crew.wait(TICK):
            task = self.running[ended.id]
            outcome = task.close(ended, self.signal)
            if outcome.run_dir and not task.resumed:
                self.found.add(task.job.config, Path(outcome.run_dir))
            try:
                self._end(ended.id, task.job, outcome)
            finally:  # only now: who comes next is to find what was made of the outcome
                del self.running[ended.id]
                task.release()
        for number, task in list(self.running.items()):
            if epochs := task.news():
                event = Event("epochs", number, task.job, task.run_dir, epochs, task.resumed)
                if self.on_event(event) and not task.told_to_stop:
                    task.told_to_stop = True
                    self.crew.signal(number, signal.SIGTERM)

    def _end(self, number: int, job: Job, outcome: Outcome) -> None:
        self.outcomes[number] = outcome
        self.on_event(Event("ended", number, job, outcome=outcome))

    def _leave(self, rest: Iterator[tuple[int, Job]]) -> None:
        """Jobs that were not begun stay so. rest: those that are known already."""
        for number, job in [*self.elsewhere, *rest]:
            self.outcomes[number] = Outcome(job.words, NOT_RUN, code=SIGNALLED + self.signal)
        self.elsewhere.clear()


@contextmanager
def _stopping(engine: Engine):
    """The signals that end a program stop the jobs instead, for as long as this lasts."""
    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda received, frame: engine.stop(received))
    except ValueError:  # another thread than the main one gets no signals
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
