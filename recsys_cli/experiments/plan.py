"""Which runs a table or a figure consists of, which of them are there, and in what order the others are made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data_prep.errors import UserError, nearest
from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library
from recsys_cli.experiments.facts import Facts, FactsOf
from recsys_cli.experiments.spec import Experiment, Point, Row, Source
from recsys_cli.experiments.timings import Timings
from recsys_cli.jobs.found import Found
from recsys_cli.jobs.identity import job_hash
from recsys_cli.runs.record import NO_RECORD

if TYPE_CHECKING:
    from omegaconf import DictConfig

# What decides whether two results are numbers of the same kind.
DEFINITIONS = ("protocol", "exclude", "recall_divisor", "ndcg", "select", "exclude_auxiliary")


class Job(NamedTuple):
    """One run. words: for recsys train. digest: of what is asked for. seconds: about how long it takes; None: unknown.

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
    seconds: float | None

    @property
    def title(self) -> str:
        place = f", {self.point.x}" if self.point.x is not None else ""
        return f"{self.row.label} on {self.source.title}{place}, seed {self.seed}"


class Gap(NamedTuple):
    """A row, or (None) a data set, that has no runs, and why."""

    source: Source
    row: Row | None
    why: str


class Plan(NamedTuple):
    """facts: of the data sets that are there, as they are without what single rows change. damaged: runs without a
    record."""

    experiment: Experiment
    jobs: list[Job]
    gaps: list[Gap]
    facts: dict[str, Facts]
    damaged: list[Path]


class Planner:
    """runs_dir: below which runs lie. seeds: runs of each row that draws, instead of what its config says."""

    def __init__(self, library: Library, runs_dir: Path, seeds: int | None = None):
        self.library, self.runs_dir, self.seeds = library, runs_dir, seeds
        self.facts_of, self.found = FactsOf(), Found()
        self.timings = Timings([])
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def plan(self, experiment: Experiment) -> Plan:
        """All runs of an experiment. Raises UserError for rows that could not stand in one table."""
        self.found.look()
        records = self.found.records(self.runs_dir)
        self.timings = Timings(record for _, record in records)
        damaged = [path for path, record in records if record["status"] == NO_RECORD]
        found = Plan(experiment, [], [], {}, damaged)
        models = self.library.choices("model")
        for source in experiment.sources:
            try:
                config = compose("prepare", [f"data={source.data}", *source.words], self.library)
                found.facts[source.id] = self.facts_of(config.data)
            except UserError as error:
                found.gaps.append(Gap(source, None, str(error)))
                continue
            for row in experiment.rows:
                if row.model not in models:
                    found.gaps.append(Gap(source, row, f"model={row.model} does not exist yet"))
                elif source.id in row.not_for:
                    found.gaps.append(Gap(source, row, row.not_for[source.id]))
                else:
                    try:
                        behaviours = list(found.facts[source.id].behaviours)
                        found.jobs.extend(self._jobs(experiment, source, row, behaviours))
                    except UserError as error:
                        found.gaps.append(Gap(source, row, str(error)))
        _refuse_unlike(found.jobs)
        return found

    def _jobs(self, experiment: Experiment, source: Source, row: Row, behaviours: list[str]) -> list[Job]:
        settings, jobs = experiment.settings, []
        for point in experiment.points(row, behaviours):
            words = [
                f"model={row.model}", f"data={source.data}", *settings.words, *source.words, *row.words,
                *row.per_data.get(source.id, ()), *point.words,
            ]  # fmt: skip
            config = self._compose(words)
            _refuse_uncomputed(experiment, row, config)
            for seed in range(self._number(experiment, row)):
                seeded = [f"seed={seed}", *([f"{settings.seed_key}={seed}"] if settings.seed_key else [])]
                own = (self._compose([*words, *seeded]) if settings.seed_key else config).copy()
                own.seed = seed
                jobs.append(self._job(source, row, point, seed, (*words, *seeded), own))
        return jobs

    def _compose(self, words: list[str]) -> DictConfig:
        """Once; runs may come and go between two plans, but not settings."""
        key = tuple(words)
        if key not in self._composed:
            self._composed[key] = compose("train", words, self.library)
        return self._composed[key]

    def _number(self, experiment: Experiment, row: Row) -> int:
        settings = experiment.settings
        if settings.kind == "seconds" or not (row.draws or settings.seed_key):
            return 1
        return self.seeds or row.seeds or settings.seeds

    def _job(
        self, source: Source, row: Row, point: Point, seed: int, words: tuple[str, ...], config: DictConfig
    ) -> Job:
        config.runs_dir = str(self.runs_dir)
        found = self.found.finished(config)
        begun = None if found else self.found.unfinished(config)
        others = 0 if found else self.found.others(config)
        seconds = self.timings.seconds(config.model.name, config.data.name, config.trainer.epochs)
        facts = self.facts_of(config.data)
        return Job(source, row, point, seed, words, config, job_hash(config), facts, found, begun, others, seconds)


def _refuse_unlike(jobs: Iterable[Job]) -> None:
    """Raises UserError where what is ranked, or how, is not the same in all rows of a data set."""
    first: dict[tuple[str, int], Job] = {}
    for job in jobs:
        there = first.setdefault((job.source.id, job.seed), job)
        for key in DEFINITIONS:
            if job.config.evaluation[key] != there.config.evaluation[key]:
                raise UserError(
                    f"{job.title}: evaluation.{key}={job.config.evaluation[key]}, and {there.title} has "
                    f"{there.config.evaluation[key]}: rows that are ranked in different ways do not stand in one table."
                )
        if job.facts.ranked != there.facts.ranked:
            raise UserError(
                f"{job.title} is ranked on other pairs than {there.title}: rows with different data do not stand in one "
                "table."
            )


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
    """The most informative first: one seed of every row before the second of any; what is begun, then what is quick."""

    def place(job: Job):
        return job.seed, job.begun is None, job.seconds is None, job.seconds or 0.0

    return sorted((job for job in jobs if job.found is None), key=place)


def _refuse_uncomputed(experiment: Experiment, row: Row, config: DictConfig) -> None:
    if experiment.settings.kind in ("seconds", "weights"):
        return
    for metric in experiment.settings.metrics:
        if metric.endswith(("_time", "_per_epoch")):  # of the record, or of deletions
            continue
        name, _, k = metric.partition("@")
        computed = [metric.rpartition(".")[2] for metric in config.evaluation.metrics]
        if name not in computed or (k and int(k) not in config.evaluation.k):
            raise UserError(f"{row.label}: {metric} is not among evaluation.metrics and evaluation.k of its runs.")
