"""What is to be done, how it ended, and what is told of it on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recsys_cli.config.library import Library

FINISHED, THERE, FAILED, INTERRUPTED, STOPPED, NOT_RUN = (
    "finished", "already there", "failed", "interrupted", "stopped", "not run",
)  # fmt: skip
DONE = (FINISHED, THERE)  # there is a result


@dataclass(frozen=True)
class Job:
    """words: of `recsys COMMAND`, as a person would type them. config: of these words, composed and checked.

    title: shown instead of the words. settled: asked when no other process can be at the job any more; true: leave it,
    another one has ended it. seconds: about how long it takes, where that is known beforehand.
    """

    words: list[str]
    config: DictConfig
    command: str = "train"
    title: str = ""
    settled: Callable[[], bool] | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, words: Sequence[str], library: Library, command: str = "train") -> Job:
        """Raises UserError for words that are no job."""
        from recsys_cli.config.compose import compose

        return cls(list(words), compose(command, list(words), library), command)

    def __str__(self) -> str:
        return f"recsys {self.command} {' '.join(self.words)}".rstrip()


class Outcome(NamedTuple):
    """How a job ended. status: one of those above; stopped: as `on_event` asked. seconds: here and now.

    run_dir: of `train`, where there is one. monitor: the metric to choose by, if the job names one. code: as of the
    command, the first of which that is not 0 is that of all jobs. error: why it failed, in a sentence. output: of a job
    that has no run directory to keep it in.
    """

    words: list[str]
    status: str
    seconds: float = 0.0
    run_dir: str | None = None
    monitor: str | None = None
    code: int = 0
    error: str = ""
    output: str = ""


@dataclass(frozen=True)
class Event:
    """kind: started, epochs (there are new ones) or ended. number: of the job, from 0.

    epochs: the lines of its metrics.jsonl so far: epoch, loss, seconds, and metrics by name where it was evaluated.
    resumed: whether an unfinished run is gone on with. outcome: once it has ended.
    """

    kind: str
    number: int
    job: Job
    run_dir: Path | None = None
    epochs: Sequence[Mapping[str, Any]] = ()
    resumed: bool = False
    outcome: Outcome | None = None


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 where all went well, else that of the first job that did not."""
    return next((outcome.code for outcome in outcomes if outcome.code), 0)
