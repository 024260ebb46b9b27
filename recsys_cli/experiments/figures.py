"""A figure: a line for each row, or a heat map, drawn for each data set, with its values as CSV."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from data_prep.errors import UserError
from recsys_cli.experiments.cells import RunsByRow, runs_by_row
from recsys_cli.experiments.document import Document, Drawing, Lines, Part, Table, sentence
from recsys_cli.experiments.drawn import heat_map, line_figure
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.made import Made
from recsys_cli.experiments.parts import data_part, deviations_part, missing_part, runs_part
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.points import READERS
from recsys_cli.experiments.published import Published
from recsys_cli.experiments.spec import Source

Found = dict[str, dict[tuple[Any, float | None], list[float]]]  # line -> (x, y) -> a value per seed


def figure(plan: Plan, numbers: Published, ledger: Ledger) -> Made:
    experiment = plan.experiment
    runs, damaged = runs_by_row(plan)
    parts, lines, drawn = [], [], {}
    for source in experiment.sources:
        for metric in experiment.settings.metrics:
            found, unusable = _points(plan, source, metric, runs)
            damaged += unusable
            if not found:
                continue
            several = len(experiment.settings.metrics) > 1
            stem = "-".join([experiment.name, source.id, *([metric.replace("@", "_at_")] if several else [])])
            draw = heat_map if experiment.settings.kind == "grid" and _has_y(found) else line_figure
            drawing = Drawing(draw(experiment, source, metric, found), stem, f"{source.title}, {metric}")
            drawn[stem] = drawing.drawn
            parts.append(Part(f"{source.title}, {metric}", [drawing, *_quoted(plan, source, metric), _table(found)]))
            lines += _lines(source, metric, found)
    parts += [
        data_part(plan),
        deviations_part(experiment, ledger),
        missing_part(plan, list(dict.fromkeys(damaged))),
        runs_part(experiment, runs),
    ]
    title = f"Figure {experiment.name}: {experiment.settings.title}"
    document = Document(title, sentence(experiment.settings.protocol), [part for part in parts if part.blocks])
    return Made(document, lines, drawn)


def _points(plan: Plan, source: Source, metric: str, runs: RunsByRow) -> tuple[Found, list[str]]:
    experiment = plan.experiment
    found: Found = {}
    damaged = []
    for row in experiment.rows:
        places: dict[tuple[Any, float | None], list[float]] = defaultdict(list)
        for run in runs.get((source.id, row.label), []):
            try:
                for dot in READERS[experiment.settings.kind](run, metric, experiment.axis):
                    places[dot.x, dot.y].append(dot.value)
            except UserError as error:
                damaged.append(str(error))
        if places:
            found[row.label] = dict(places)
    return found, damaged


def _has_y(found: Found) -> bool:
    return any(y is not None for places in found.values() for _, y in places)


def _quoted(plan: Plan, source: Source, metric: str) -> list[Lines]:
    """What the text of the paper says in numbers."""
    lines = [
        f"quoted in the text: {q['line']}" + (f" at {q['x']}" if "x" in q else "") + f": {q['value']}"
        for q in plan.experiment.settings.quoted
        if q.get("data") == source.published and q.get("metric", metric) == metric
    ]
    return [Lines(lines)] if lines else []


def _table(found: Found) -> Table:
    """Lines by places, where they are few; else the last place of each."""
    xs = list(dict.fromkeys(place for places in found.values() for place in places))
    header = ["line", *(str(x if y is None else f"{x}, {y}") for x, y in xs)]
    if len(xs) > 12:
        last = [[line, str(list(places)[-1][0]), _mean(list(places.values())[-1])] for line, places in found.items()]
        return Table(["line", "last at", "value"], last, "The last value of each line; the CSV file has all.")
    rows = [[line, *(_mean(places[x]) if x in places else "-" for x in xs)] for line, places in found.items()]
    return Table(header, rows)


def _mean(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{spread}"


def _lines(source: Source, metric: str, found: Found) -> list[dict[str, str]]:
    return [
        {
            "data": source.title,
            "line": line,
            "x": "" if x is None else str(x),
            "y": "" if y is None else str(y),
            "metric": metric,
            "ours": f"{statistics.fmean(values):.5g}",
            "sd": f"{statistics.stdev(values):.2g}" if len(values) > 1 else "",
            "seeds": str(len(values)),
        }
        for line, places in found.items()
        for (x, y), values in places.items()
    ]
