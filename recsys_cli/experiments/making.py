"""Makes the runs that are not there yet, and does with finished ones what a table asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from recsys_cli.config.library import Library
from recsys_cli.experiments import followups
from recsys_cli.experiments.budget import Budget
from recsys_cli.experiments.plan import Job
from recsys_cli.experiments.spec import Experiment
from recsys_cli.jobs import Event, Outcome, run_jobs
from recsys_cli.jobs import Job as Task
from recsys_cli.jobs.display import Display
from recsys_cli.runs.found import is_run


def train(jobs: list[Job], workers: int, budget: Budget, runs_dir: Path) -> list[Outcome]:
    """Jobs in the order in which they matter. What the budget ends is saved, and gone on with by the next call."""
    tasks = {job.digest: task_of(job, runs_dir) for job in jobs}
    return _run([*tasks.values()], (tasks[job.digest] for job in budget.fitting(jobs)), workers, budget)


def follow_up(
    experiment: Experiment, name: str, jobs: list[Job], workers: int, budget: Budget, library: Library
) -> list[Outcome]:
    """name: of followups.py."""
    tasks = [followups.task_of(experiment, name, job, library) for job in followups.to_do(experiment, name, jobs)]
    going = (task for task in tasks if not budget.over)
    return _run(tasks, going, 1 if followups.FOLLOWUPS[name].alone else workers, budget)


def task_of(job: Job, runs_dir: Path) -> Task:
    """In a directory whose name tells the job, so that the same call makes the same files."""
    config = job.config.copy()
    config.tensorboard = config.trainer.progress = False
    config.run_dir, config.runs_dir = str(job.begun or _place(job, runs_dir)), str(runs_dir)
    return Task(list(job.words), config, title=job.title, seconds=job.seconds)


def _place(job: Job, runs_dir: Path) -> Path:
    name = f"{job.config.model.name}-{job.config.data.name}-{job.digest[:8]}-seed{job.seed}"
    number = 1
    while True:  # another version of the program, or other data, may have a run of that name
        place = runs_dir / (name if number == 1 else f"{name}-{number}")
        if not is_run(place):
            return place
        number += 1


def _run(tasks: list[Task], going: Iterator[Task], workers: int, budget: Budget) -> list[Outcome]:
    """tasks: all there are, for what is shown. going: those that the budget lets go, one by one."""
    if not tasks:
        return []
    display, numbers = Display(workers, tasks), {id(task): number for number, task in enumerate(tasks)}

    def hear(event: Event) -> bool:
        if event.outcome:  # what it prints stands in its file
            event = replace(event, outcome=event.outcome._replace(output=""))
        display(replace(event, number=numbers[id(event.job)]))
        return budget.over

    try:
        return run_jobs(going, workers, hear)
    finally:
        display.close()
