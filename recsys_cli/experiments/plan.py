"""Which runs a table or a figure consists of, and in what order those that are not there are made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data_prep.errors import UserError, nearest
from recsys_cli.experiments.facts import Facts
from recsys_cli.experiments.spec import Experiment, Point, Row, Source
from recsys_cli.experiments.timings import Estimate

if TYPE_CHECKING:
    from omegaconf import DictConfig

# What decides whether two results are numbers of the same kind.
DEFINITIONS = ("protocol", "exclude", "recall_divisor", "ndcg", "select", "exclude_auxiliary")


class Job(NamedTuple):
    """One run. words: for recsys train. digest: of what is asked for. estimate: how long it takes; None: unknown.

    found: a finished run. begun: one to go on with. others: finished ones of another version or of other data.
    """

    source: Source
    row: Row
    point: Point
    seed: int
    words: tuple[str, ...]
    config: DictConfig
    digest: str
    facts: Facts
    found: Path | None
    begun: Path | None
    others: int
    estimate: Estimate | None

    @property
    def seconds(self) -> float | None:
        return self.estimate.seconds if self.estimate else None

    @property
    def title(self) -> str:
        place = f", {self.point.x}" if self.point.x is not None else ""
        return f"{self.row.label} on {self.source.title}{place}, seed {self.seed}"


class Gap(NamedTuple):
    """A row, or (None) a data set, that has no runs, and why; advice: how to mend it on this machine."""

    source: Source
    row: Row | None
    why: str
    advice: str = ""


class Plan(NamedTuple):
    """facts: of the data sets that are there, as they are without what single rows change. damaged: runs without a
    record."""

    experiment: Experiment
    jobs: list[Job]
    gaps: list[Gap]
    facts: dict[str, Facts]
    damaged: list[Path]

    @property
    def sources(self) -> list[Source]:
        """Those to be shown: not the one that is missing where another stands for the same data set of the paper."""
        there = {source.published for source in self.experiment.sources if source.id in self.facts}
        return [s for s in self.experiment.sources if s.id in self.facts or s.published not in there]


def chosen(jobs: Iterable[Job], data: Iterable[str] | None, models: Iterable[str] | None) -> list[Job]:
    """Those of these data sets and models or rows. Raises UserError for a name that none of them has."""
    jobs = list(jobs)
    for asked, key, names in (
        (data, "data", lambda job: (job.source.id, job.source.title)),
        (models, "models", lambda job: (job.row.model, job.row.label)),
    ):
        there = {name for job in jobs for name in names(job)}
        for word in asked or ():
            if word not in there:
                raise UserError(f"{key}={word}: no run of it is to be made here.{nearest(word, sorted(there))}")
        if asked:
            jobs = [job for job in jobs if set(names(job)) & set(asked)]
    return jobs


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """The most informative first: one seed of every row before the second of any; what is begun, then what is quick, and
    of those of which that is not known the solved ones."""

    def place(job: Job):
        solved = job.config.model.get("kind") == "closed_form"
        return job.seed, job.begun is None, job.seconds is None, job.seconds or not solved

    return sorted((job for job in jobs if job.found is None), key=place)
