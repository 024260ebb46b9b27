"""Makes the runs that are not there yet, and scores runs once more where a table asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library
from recsys_cli.experiments.budget import Budget
from recsys_cli.experiments.plan import Job
from recsys_cli.experiments.results import BEYOND
from recsys_cli.jobs import Event, Outcome, run_jobs
from recsys_cli.jobs import Job as Task
from recsys_cli.jobs.display import Display
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.kept import read_result


def train(jobs: list[Job], workers: int, budget: Budget, runs_dir: Path) -> list[Outcome]:
    """Jobs in the order in which they matter. What the budget ends is saved, and gone on with by the next call."""
    return _run((task_of(job, runs_dir) for job in budget.fitting(jobs)), len(jobs), workers, budget)


def task_of(job: Job, runs_dir: Path) -> Task:
    """In a directory whose name tells the job, so that the same call makes the same files."""
    config = job.config.copy()
    config.tensorboard = config.trainer.progress = False
    config.run_dir, config.runs_dir = str(job.begun or _place(job, runs_dir)), str(runs_dir)
    return Task(list(job.words), config, title=job.title)


def _place(job: Job, runs_dir: Path) -> Path:
    name = f"{job.config.model.name}-{job.config.data.name}-{job.digest[:8]}-seed{job.seed}"
    number = 1
    while True:  # another version of the program, or other data, may have a run of that name
        place = runs_dir / (name if number == 1 else f"{name}-{number}")
        if not (place / CONFIG).exists():
            return place
        number += 1


def score_beyond(jobs: Iterable[Job], workers: int, budget: Budget, library: Library) -> list[Outcome]:
    """Ranks finished runs without the pairs in auxiliary behaviours, where that is not there yet."""
    todo = [job for job in jobs if job.found and read_result(job.found, BEYOND) is None]
    tasks = (_scoring(job, library) for job in todo if not budget.over)
    return _run(tasks, len(todo), workers, budget)


def _scoring(job: Job, library: Library) -> Task:
    words = [f"run={job.found}", "evaluation.exclude_auxiliary=true", f"name={BEYOND}"]
    config = compose("evaluate", words, library)
    return Task(words, config, "evaluate", f"{job.title}, ranked without auxiliary pairs")


def _run(tasks: Iterator[Task], total: int, workers: int, budget: Budget) -> list[Outcome]:
    if not total:
        return []
    display = Display(workers, total=total)

    def hear(event: Event) -> bool:
        if event.outcome:  # what a ranking prints stands in its file
            event = replace(event, outcome=event.outcome._replace(output=""))
        display(event)
        return budget.over

    try:
        return run_jobs(tasks, workers, hear)
    finally:
        display.close()
