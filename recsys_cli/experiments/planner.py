"""Finds the runs of a table or a figure: composes them, and looks for those that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library
from recsys_cli.experiments.cells import among
from recsys_cli.experiments.facts import Facts, FactsOf, missing_files
from recsys_cli.experiments.plan import DEFINITIONS, Gap, Job, Plan
from recsys_cli.experiments.spec import Experiment, Point, Row, Source
from recsys_cli.experiments.timings import Timings, lines_below
from recsys_cli.jobs.found import Found
from recsys_cli.jobs.identity import job_hash
from recsys_cli.runs.record import NO_RECORD

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Composed(NamedTuple):
    config: DictConfig
    facts: Facts


class Planner:
    """runs_dir: below which runs lie. seeds: runs of each row that draws, instead of what its config says. fetch: whether
    raw files of a data set may be downloaded. tables: a folder of tables made before, which tell how long an epoch takes."""

    def __init__(
        self,
        library: Library,
        runs_dir: Path,
        seeds: int | None = None,
        fetch: Callable[[Source], bool] = lambda source: False,
        tables: Path | None = None,
    ):
        self.library, self.runs_dir, self.seeds, self.fetch, self.tables = library, runs_dir, seeds, fetch, tables
        self.facts_of, self.found = FactsOf(), Found()
        self.timings = Timings([])
        self._composed: dict[tuple[str, ...], Composed] = {}

    def plan(self, experiment: Experiment) -> Plan:
        """All runs of an experiment. Raises UserError for rows that could not stand in one table."""
        self.found.look()
        records = self.found.records(self.runs_dir)
        self.timings = Timings((record for _, record in records), lines_below(self.tables) if self.tables else ())
        damaged = [path for path, record in records if record["status"] == NO_RECORD]
        found = Plan(experiment, [], [], {}, damaged)
        models = self.library.choices("model")
        for source in experiment.sources:
            if source.data not in self.library.choices("data"):
                found.gaps.append(Gap(source, None, f"data={source.data} does not exist yet"))
                continue
            try:
                config = compose("prepare", [f"data={source.data}", *source.words], self.library, quick=True)
            except UserError as error:
                found.gaps.append(Gap(source, None, str(error)))
                continue
            try:
                found.facts[source.id] = self.facts_of(config.data, self.fetch(source))
            except UserError as error:
                lacking = missing_files(config.data)
                found.gaps.append(Gap(source, None, f"{', '.join(lacking) or source.data} is not there", str(error)))
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
            for seed in range(self._number(experiment, row)):
                split = [f"{settings.seed_key}={seed}"] if settings.seed_key else []
                composed = self._compose(source, tuple(words + split))
                _refuse_uncomputed(experiment, row, composed.config)
                jobs.append(self._job(source, row, point, seed, (*words, *split, f"seed={seed}"), composed))
        return jobs

    def _compose(self, source: Source, words: tuple[str, ...]) -> Composed:
        """Once; runs may come and go between two plans, but neither settings nor data."""
        if words not in self._composed:
            config = compose("train", list(words), self.library, quick=True)
            config.runs_dir = str(self.runs_dir)
            self._composed[words] = Composed(config, self.facts_of(config.data, self.fetch(source)))
        return self._composed[words]

    def _number(self, experiment: Experiment, row: Row) -> int:
        settings = experiment.settings
        if settings.kind == "seconds" or not (row.draws or settings.seed_key):
            return 1
        return self.seeds or row.seeds or settings.seeds

    def _job(
        self, source: Source, row: Row, point: Point, seed: int, words: tuple[str, ...], composed: Composed
    ) -> Job:
        config = composed.config.copy()
        config.seed = seed
        digest = job_hash(config)
        known = self.found.known(config, digest)
        known_as = (config.model.name, config.data.name, config.trainer.epochs, row.label, source.title)
        estimate = self.timings.of(*known_as)
        return Job(source, row, point, seed, words, config, digest, composed.facts, *known, estimate)


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


def _refuse_uncomputed(experiment: Experiment, row: Row, config: DictConfig) -> None:
    if experiment.settings.kind in ("seconds", "weights"):
        return
    for metric in experiment.settings.metrics:
        if metric.endswith(("_time", "_per_epoch")):  # of the record, or of deletions
            continue
        candidates, name = among(metric)
        name, _, k = name.partition("@")
        computed = [metric.rpartition(".")[2] for metric in config.evaluation.metrics]
        if name not in computed or (k and int(k) not in config.evaluation.k):
            raise UserError(f"{row.label}: {metric} is not among evaluation.metrics and evaluation.k of its runs.")
        if candidates and (config.evaluation.protocol != "rating" or candidates not in config.evaluation.candidates):
            raise UserError(f"{row.label}: {metric}: {candidates} is not among evaluation.candidates of its runs.")
