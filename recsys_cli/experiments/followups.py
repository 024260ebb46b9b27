"""What is done with a finished run where a table asks for it: another ranking, deletions, a look inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library
from recsys_cli.experiments.measured import DELETIONS
from recsys_cli.experiments.plan import Job
from recsys_cli.experiments.spec import Experiment
from recsys_cli.jobs import Job as Task
from recsys_cli.runs.directory import EVALUATIONS
from recsys_cli.runs.kept import read_result

BEYOND, ATTENTION = "beyond_auxiliary", "attention"  # names in RUN/evaluations


class Followup(NamedTuple):
    """alone: not beside others, because it is about seconds."""

    command: str
    what: str
    words: Callable[[Experiment, Job], list[str]]
    there: Callable[[Job], bool]
    alone: bool = False


def _deletion_words(experiment: Experiment, job: Job) -> list[str]:
    singles = job.row.singles or experiment.settings.deletions
    return [f"singles={singles}", f"name={DELETIONS}"]


FOLLOWUPS = {
    BEYOND: Followup(
        "evaluate",
        "ranked without auxiliary pairs",
        lambda experiment, job: ["evaluation.exclude_auxiliary=true", f"name={BEYOND}"],
        lambda job: bool(job.found and read_result(job.found, BEYOND)),
    ),
    DELETIONS: Followup(
        "deletions",
        "single deletions",
        _deletion_words,
        lambda job: bool(job.found and read_result(job.found, DELETIONS)),
        alone=True,
    ),
    ATTENTION: Followup(
        "inspect",
        "its attention",
        lambda experiment, job: [f"table={ATTENTION}", f"output={attention_file(job)}"],
        lambda job: attention_file(job).is_file(),
    ),
}


def attention_file(job: Job):
    assert job.found
    return job.found / EVALUATIONS / f"{ATTENTION}.csv"


def wanted(experiment: Experiment) -> list[str]:
    """By name, what a table or figure asks for."""
    settings = experiment.settings
    asked = {BEYOND: settings.beyond, DELETIONS: bool(settings.deletions), ATTENTION: settings.kind == "weights"}
    return [name for name, yes in asked.items() if yes]


def to_do(experiment: Experiment, name: str, jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.found and not FOLLOWUPS[name].there(job)]


def task_of(experiment: Experiment, name: str, job: Job, library: Library) -> Task:
    followup = FOLLOWUPS[name]
    assert job.found
    (job.found / EVALUATIONS).mkdir(exist_ok=True)
    words = [f"run={job.found}", *followup.words(experiment, job)]
    config = compose(followup.command, words, library)
    return Task(words, config, followup.command, f"{job.title}: {followup.what}")
