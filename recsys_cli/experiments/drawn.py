"""The points of a figure, drawn in the style of all pages."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys_cli.experiments.spec import Experiment, Source
from recsys_cli.pages import figures as pages

if TYPE_CHECKING:
    from recsys_cli.experiments.figures import Found

TITLES = {"epochs": "epoch", "activity": "training pairs of the user", "setting": "", "grid": ""}


def line_figure(experiment: Experiment, source: Source, metric: str, found: Found) -> pages.Figure | None:
    """Lines, the highest end first, as a reader meets them; bars where the axis is of words with one line each."""
    title = experiment.axis.title if experiment.axis else TITLES[experiment.settings.kind]
    places = [x for row in found.values() for x, _ in row if x is not None]
    series = [_series(name, row, places) for name, row in found.items()]
    series.sort(key=lambda s: s.y[-1], reverse=True)
    numeric = all(isinstance(x, int | float) for x in places)
    if not numeric or not places:
        return pages.bars(series, title, metric, title=source.title)
    quoted = _quoted(experiment, source, metric)
    log_x = numeric and min(places) > 0 and max(places) / min(places) >= 50 and experiment.settings.kind == "setting"
    return pages.lines([*series, *quoted], title, metric, title=source.title, log_x=log_x)


def heat_map(experiment: Experiment, source: Source, metric: str, found: Found) -> pages.Figure | None:
    """Of the first row."""
    cells = next(iter(found.values()))
    xs, ys = sorted({x for x, _ in cells}), sorted({y for _, y in cells if y is not None})
    values = np.array([[statistics.fmean(cells.get((x, y), [np.nan])) for x in xs] for y in ys])
    x, _, y = (experiment.axis.title if experiment.axis else "").partition(" / ")
    return pages.heat_map(values, ys, xs, x=x, y=y, value=metric, title=source.title)


def _series(name: str, row: dict[tuple[Any, float | None], list[float]], places: list[Any]) -> pages.Series:
    """A row without an axis is a line from end to end."""
    if list(row) == [(None, None)]:
        ends = [min(places), max(places)] if places else [name]
        return pages.Series(name, ends, [statistics.fmean(row[None, None])] * len(ends))
    order = sorted(row, key=lambda place: place[0]) if all(isinstance(x, int | float) for x, _ in row) else list(row)
    means = [statistics.fmean(row[place]) for place in order]
    sds = [statistics.stdev(row[place]) if len(row[place]) > 1 else 0.0 for place in order]
    band = any(sds)
    low, high = [m - s for m, s in zip(means, sds)], [m + s for m, s in zip(means, sds)]
    return pages.Series(name, [x for x, _ in order], means, low if band else None, high if band else None)


def _quoted(experiment: Experiment, source: Source, metric: str) -> list[pages.Series]:
    return [
        pages.Series(f"{q['line']}, published", [q["x"]], [q["value"]], points=True)
        for q in experiment.settings.quoted
        if q.get("data") == source.published and q.get("metric", metric) == metric and "x" in q
    ]
