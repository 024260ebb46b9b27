"""`--multirun`: every combination of the values written, as jobs, with a table at the end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from data_prep.settings import Settings, field, fields_of

if TYPE_CHECKING:
    from recsys_cli.jobs.job import Job

MOST = 64  # processes


@dataclass(frozen=True)
class MultirunSettings(Settings):
    """Written beside the settings of the jobs, and no part of them."""

    jobs: int = field(
        1, "so many at a time, each in a process of its own, with its share of the cores", low=1, high=MOST
    )


def taken(words: Sequence[str], multirun: bool, of_command: Container[str] = ()) -> tuple[MultirunSettings, list[str]]:
    """The settings of the multirun itself, and the words that are left. Raises UserError for what is no number.

    of_command: the command's own settings, which stay its own.
    """
    names = [name for name in fields_of(MultirunSettings) if name not in of_command]
    own = [word for word in words if word.partition("=")[0] in names]
    if own and not multirun:
        raise UserError(f"'{own[0]}' is for several jobs: add --multirun, and what differs, as in seed=0,1,2")
    values = {word.partition("=")[0]: _number(word) for word in own}
    return MultirunSettings(**values), [word for word in words if word not in own]


def multirun(settings: MultirunSettings, jobs: Sequence[Job]) -> int:
    """Exit code: 0 where all went well, else that of the first job that did not."""
    from recsys_cli.jobs.display import Display
    from recsys_cli.jobs.engine import run_jobs
    from recsys_cli.jobs.job import exit_code
    from recsys_cli.jobs.table import summary

    display = Display(settings.jobs, jobs)
    try:
        outcomes = run_jobs(jobs, settings.jobs, display)
    finally:
        display.close()
    print("\n" + summary(outcomes))
    return exit_code(outcomes)


def _number(word: str) -> int:
    key, _, value = word.partition("=")
    if not value.isdecimal():
        raise UserError(f"{key}: expected a whole number, received '{value}' from '{word}'")
    return int(value)
