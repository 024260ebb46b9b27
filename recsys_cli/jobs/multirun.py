"""`--multirun`: every combination of the values written, as jobs, with a table at the end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from data_prep.errors import UserError
from data_prep.settings import Settings, field, fields_of
from recsys_cli.jobs.launcher import GROUP, KEY

if TYPE_CHECKING:
    from recsys_cli.jobs.job import Job, Outcome

MOST = 64  # processes


@dataclass(frozen=True)
class MultirunSettings(Settings):
    """Written beside the settings of the jobs, and no part of them."""

    jobs: int = field(
        1, "so many at a time, each in a process of its own, with its share of the cores", low=1, high=MOST
    )


class Taken(NamedTuple):
    """settings: of the multirun itself. launcher: words that choose and set one of Hydra's. words: all others."""

    settings: MultirunSettings
    launcher: list[str]
    words: list[str]


def taken(words: Sequence[str], multirun: bool, of_command: Container[str] = ()) -> Taken:
    """Tells the words of the multirun from those of its jobs. Raises UserError for what is no number.

    of_command: the command's own settings, which stay its own.
    """
    names = [name for name in fields_of(MultirunSettings) if name not in of_command]
    own = [word for word in words if word.partition("=")[0] in names]
    if own and not multirun:
        raise UserError(f"'{own[0]}' is for several jobs: add --multirun, and what differs, as in seed=0,1,2")
    launcher = [word for word in words if multirun and word.startswith((f"{GROUP}=", KEY))]
    if launcher and not any(word.startswith(f"{GROUP}=") for word in launcher):
        raise UserError(f"'{launcher[0]}' sets a launcher and none is chosen: add {GROUP}=joblib, say")
    if launcher and own:
        raise UserError(f"'{own[0]}': how many run at a time is up to {GROUP}, by its own settings ({KEY}...)")
    values = {word.partition("=")[0]: _number(word) for word in own}
    return Taken(MultirunSettings(**values), launcher, [word for word in words if word not in own + launcher])


def multirun(jobs: Sequence[Job], settings: MultirunSettings, launcher: Sequence[str]) -> int:
    """Exit code: 0 where all went well, else that of the first job that did not."""
    from recsys_cli.jobs.job import exit_code
    from recsys_cli.jobs.table import summary

    outcomes = _launched(jobs, launcher) if launcher else _run(jobs, settings.jobs)
    print("\n" + summary(outcomes))
    return exit_code(outcomes)


def _run(jobs: Sequence[Job], workers: int) -> list[Outcome]:
    from recsys_cli.jobs.display import Display
    from recsys_cli.jobs.engine import run_jobs

    display = Display(workers, jobs)
    try:
        return run_jobs(jobs, workers, display)
    finally:
        display.close()


def _launched(jobs: Sequence[Job], launcher: Sequence[str]) -> list[Outcome]:
    from recsys_cli.jobs.display import Display
    from recsys_cli.jobs.launcher import launch

    display = Display(1, jobs)
    outcomes = launch(jobs, launcher)
    for number, (job, outcome) in enumerate(zip(jobs, outcomes)):
        display.tell_the_end(number, job, outcome)
    return outcomes


def _number(word: str) -> int:
    key, _, value = word.partition("=")
    if not value.isdecimal():
        raise UserError(f"{key}: expected a whole number, received '{value}' from '{word}'")
    return int(value)
