"""The cells of a table of results, from the runs that are there."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.measured import TEST, Measured, measured
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.published import Number, Published
from recsys_cli.experiments.spec import Experiment, Row, Source
from recsys_cli.experiments.verdict import RI, SECONDS, TIMES, Verdict, judged, lower_is_better


class Cell(NamedTuple):
    """published: None where the paper has no such number. ours: one value per seed. best: of the other rows of its
    column, those of the paper's own aside."""

    source: Source
    row: Row
    metric: str
    published: Number | None
    ours: tuple[float, ...]
    verdict: Verdict
    best: bool = False

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.ours) if self.ours else None

    @property
    def sd(self) -> float | None:
        return statistics.stdev(self.ours) if len(self.ours) > 1 else None


RunsByRow = dict[tuple[str, str], list[Measured]]  # data set, row -> a run per seed


def runs_by_row(plan: Plan, name: str = TEST) -> tuple[RunsByRow, list[str]]:
    """The runs that have this result, and a sentence for each that cannot be used."""
    found: RunsByRow = defaultdict(list)
    damaged = []
    for job in plan.jobs:
        try:
            if (run := measured(job, name)) is not None:
                found[job.source.id, job.row.label].append(run)
        except UserError as error:
            damaged.append(str(error))
    return found, damaged


def cells_of(
    experiment: Experiment,
    sources: Sequence[Source],
    runs: RunsByRow,
    metrics: Sequence[str],
    numbers: Published | None = None,
    ledger: Ledger | None = None,
) -> list[Cell]:
    """A cell for each data set, row and metric that has a published number or one of ours."""
    cells = []
    for source in sources:
        for row in experiment.rows:
            there = runs.get((source.id, row.label), [])
            for metric in metrics:
                groups = (source.group, row.group)
                candidates, name = among(metric)
                number = numbers.find(source.published, row.published or row.label, name, groups) if numbers else None
                ours = tuple(run.metrics[metric] / unit_of(number) for run in there if metric in run.metrics)
                reasons = ledger.reasons(experiment, source, row) if ledger else []
                if candidates != among(metrics[0])[0]:
                    reasons.append(f"among {candidates or 'unseen'} items, not those of the first columns")
                verdict = judged(metric, statistics.fmean(ours), number, reasons) if ours else Verdict()
                if number or ours:
                    cells.append(Cell(source, row, metric, number, ours, verdict))
    return _with_best(cells)


def among(metric: str) -> tuple[str, str]:
    """What is ranked among (evaluation.candidates; "" for unseen), and the name that papers print: of test-Precision@3
    ("test", "Precision@3"). The first metric of a table has the candidates that its published numbers are held to have."""
    candidates, _, name = metric.rpartition("-")
    return candidates, name


def unit_of(number: Number | None) -> int:
    """Seconds of the unit that a time is printed in."""
    return SECONDS.get(number.unit, 1) if number else 1


def shown(value: float, number: Number | None, metric: str = "") -> str:
    """To the places that the unit deserves."""
    unit = number.unit if number else "percent" if metric == RI else "ratio"
    if unit == "percent":
        return f"{value:+.2f} %"
    if unit in SECONDS:
        return f"{value:.3g} {unit}"
    return f"{value:g}" if unit == "count" else f"{value:.4f}"


def _with_best(cells: list[Cell]) -> list[Cell]:
    columns: dict[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells:
        timed = cell.published and cell.published.unit in (*TIMES, "count")
        if cell.mean is not None and not cell.row.own and not timed:
            columns[cell.source.id, cell.metric].append(cell.mean)

    def best(cell: Cell) -> bool:
        column = columns.get((cell.source.id, cell.metric), [])
        if cell.mean not in column or cell.row.own or len(column) < 2:
            return False
        return cell.mean == (min if lower_is_better(cell.metric) else max)(column)

    return [cell._replace(best=best(cell)) for cell in cells]
