"""Figures in one style, as SVG and PNG with the same bytes each time; None where matplotlib is not installed.

drawn = lines([Series("ENMF", epochs, values, low, high)], x="epoch", y="HR@10")
drawn.save(Path("figure"))    # figure.svg and figure.png
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.files import write_file
from recsys_cli.pages.canvas import Figure as Figure
from recsys_cli.pages.canvas import drawing, installed, spaced
from recsys_cli.pages.style import COLOURS, INK, LINES, MARKERS, SCALE

INSTALL = "The figures are not drawn: they need matplotlib (pip install 'recsys[plots]')."
MANY_POINTS = 25  # beyond, a line has no markers
MOST_LABELS = 150  # cells of a heat map that have their value written into them


class Series(NamedTuple):
    """x: numbers, or texts (places in this order). low, high: of a band or of intervals. points: markers without a
    line, such as published values."""

    name: str
    x: Sequence[Any]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    points: bool = False


def save(drawn: Figure | None, stem: Path) -> list[Path]:
    """Writes STEM.svg and STEM.png; nothing where there is no figure."""
    if drawn is None:
        return []
    files = {stem.with_name(f"{stem.name}.svg"): drawn.svg.encode(), stem.with_name(f"{stem.name}.png"): drawn.png}
    for path, payload in files.items():
        write_file(path, payload)
    return list(files)


def lines(series: Sequence[Series], x: str, y: str, *, title: str = "", log_x: bool = False) -> Figure | None:
    """A line per series, with a band where there are low and high."""
    if not installed():
        return None
    with drawing(f"{y} by {x}: {', '.join(s.name for s in series)}", title) as (axes, result):
        places = _places(axes, [s.x for s in series])
        for number, s in enumerate(series):
            at, colour = places(s.x), COLOURS[number % len(COLOURS)]
            if s.points:
                axes.plot(at, s.y, MARKERS[number % 8], mfc="none", mec=INK, ms=7, label=spaced(s.name), zorder=3)
                continue
            marker = MARKERS[number % 8] if len(s.x) <= MANY_POINTS else None
            axes.plot(at, s.y, LINES[number // 8 % 4], color=colour, marker=marker, label=spaced(s.name))
            if s.low is not None and s.high is not None:
                axes.fill_between(at, s.low, s.high, color=colour, alpha=0.18, linewidth=0)
        if log_x:
            _log(axes)
        axes.set(xlabel=spaced(x), ylabel=spaced(y))
        _legend(axes, len(series))
    return result.figure


def bars(series: Sequence[Series], x: str, y: str, *, title: str = "", horizontal: bool = False) -> Figure | None:
    """Groups of bars, from 0, with intervals; x of the series are texts. horizontal: for long names."""
    if not installed():
        return None
    names = list(dict.fromkeys(str(place) for s in series for place in s.x))
    height = max(2.0, 0.32 * len(names) * len(series) + 1.2) if horizontal else 3.6
    with drawing(f"{y} by {x}: {', '.join(s.name for s in series)}", title, height) as (axes, result):
        width = 0.8 / len(series)
        for number, s in enumerate(series):
            at = np.array([names.index(str(place)) for place in s.x]) + width * (number - (len(series) - 1) / 2)
            error: dict[str, Any] = {"ecolor": INK, "error_kw": {"elinewidth": 1, "capsize": 2}}
            if s.low is not None and s.high is not None:
                error["yerr" if not horizontal else "xerr"] = np.abs(np.stack([s.y, s.y]) - np.stack([s.low, s.high]))
            draw = axes.barh if horizontal else axes.bar
            draw(at, s.y, 0.92 * width, color=COLOURS[number % len(COLOURS)], label=spaced(s.name), **error)
        ticks = {"labels": [spaced(n) for n in names], "ticks": range(len(names))}
        if horizontal:
            axes.set_yticks(**ticks)
            axes.invert_yaxis()
            axes.grid(False, axis="y")
        else:
            axes.set_xticks(**ticks)
            _turn(axes, names)
            axes.grid(False, axis="x")
        axes.set(xlabel=spaced(y if horizontal else x), ylabel=spaced(x if horizontal else y))
        _legend(axes, len(series))
    return result.figure


def heat_map(
    cells: np.ndarray, rows: Sequence[Any], columns: Sequence[Any], *, x: str, y: str, value: str, title: str = ""
) -> Figure | None:
    """cells: float [rows, columns]; NaN is left empty."""
    if not installed():
        return None
    with drawing(f"{value} by {x} and {y}", title, max(2.6, 0.42 * len(rows) + 1.4)) as (axes, result):
        mesh = axes.pcolormesh(np.ma.masked_invalid(cells), cmap=SCALE, edgecolors="face", linewidth=0.2)
        axes.set_xticks(np.arange(len(columns)) + 0.5, [spaced(c) for c in columns])
        axes.set_yticks(np.arange(len(rows)) + 0.5, [spaced(r) for r in rows])
        axes.set(xlabel=spaced(x), ylabel=spaced(y))
        axes.grid(False)
        _turn(axes, columns)
        if cells.size <= MOST_LABELS and np.isfinite(cells).any():
            middle = (np.nanmin(cells) + np.nanmax(cells)) / 2
            for (row, column), number in np.ndenumerate(cells):
                if np.isfinite(number):
                    shade = "#ffffff" if number < middle else "#111111"
                    axes.text(column + 0.5, row + 0.5, f"{number:.4g}", ha="center", va="center", color=shade, size=8)
        axes.figure.colorbar(mesh, ax=axes, label=spaced(value))
    return result.figure


def scatter(series: Sequence[Series], x: str, y: str, *, title: str = "", log_x: bool = False) -> Figure | None:
    """A point per value, a colour and marker per series."""
    if not installed():
        return None
    with drawing(f"{y} against {x}: {', '.join(s.name for s in series)}", title) as (axes, result):
        for number, s in enumerate(series):
            axes.plot(
                s.x, s.y, MARKERS[number % 8], color=COLOURS[number % len(COLOURS)], alpha=0.75, label=spaced(s.name)
            )
        if log_x:
            _log(axes)
        axes.set(xlabel=spaced(x), ylabel=spaced(y))
        _legend(axes, len(series))
    return result.figure


def parallel(
    settings: Mapping[str, Sequence[Any]],
    objective: Sequence[float],
    name: str,
    *,
    lower: bool = False,
    title: str = "",
) -> Figure | None:
    """Parallel coordinates: an axis per setting and one for the objective, a line per trial, the best one on top.

    settings: name -> a value per trial, numbers (on a log axis where they are positive and span a factor of 50) or
    anything else (places in order of appearance).
    """
    if not installed():
        return None
    import matplotlib

    with drawing(f"{name} by {', '.join(settings)}", title, 3.8) as (axes, result):
        scaled = [_scaled(values) for values in (*settings.values(), objective)]
        low, high = min(objective), max(objective)
        order = np.argsort(objective, kind="stable")[:: -1 if lower else 1]
        for rank, trial in enumerate(order):
            best = rank == len(order) - 1
            shade = (objective[trial] - low) / ((high - low) or 1)
            colour = (
                COLOURS[1] if best else matplotlib.colormaps[SCALE](0.25 + 0.75 * (1 - shade if lower else shade))
            )  # none too dark
            heights = [places[trial] for places, _ in scaled]
            axes.plot(range(len(scaled)), heights, color=colour, alpha=1 if best else 0.55, lw=2.6 if best else 1.2)
        for column, (_, ticks) in enumerate(scaled):
            axes.axvline(column, color=INK, linewidth=0.8)
            for height, label in ticks:
                axes.annotate(spaced(label), (column, height), (3, 1), textcoords="offset points", size=8)
        names = [*settings, name]
        axes.set_xticks(range(len(names)), [spaced(n) for n in names])
        _turn(axes, names)
        axes.set_yticks([])
        axes.set_xlim(-0.1, len(names) - 0.6)
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return result.figure


def _scaled(values: Sequence[Any]) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Heights between 0 and 1, and labels at some of them."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        numbers = np.array(values, float)
        low, high = numbers.min(), numbers.max()
        if low == high:
            return np.full(len(values), 0.5), [(0.5, f"{low:.4g}")]
        log = low > 0 and high / low >= 50
        heights = np.log(numbers / low) / np.log(high / low) if log else (numbers - low) / (high - low)
        return heights, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]
    kinds = list(dict.fromkeys(map(str, values)))
    step = 1 / max(1, len(kinds) - 1)
    return np.array([kinds.index(str(v)) * step for v in values]), [(n * step, kind) for n, kind in enumerate(kinds)]


def _places(axes, all_x: Sequence[Sequence[Any]]):
    """Where values of x go: numbers where they are, texts side by side in order of appearance."""
    if all(isinstance(value, int | float | np.number) for values in all_x for value in values):
        return lambda values: np.asarray(values, float)
    names = list(dict.fromkeys(str(value) for values in all_x for value in values))
    axes.set_xticks(range(len(names)), [spaced(n) for n in names])
    _turn(axes, names)
    return lambda values: np.array([names.index(str(value)) for value in values])


def _log(axes) -> None:
    from matplotlib.ticker import LogFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.xaxis.set_minor_formatter("")


def _turn(axes, names: Sequence[Any]) -> None:
    if sum(len(str(n)) + 2 for n in names) > 62:
        axes.tick_params(axis="x", rotation=30)
        for label in axes.get_xticklabels():
            label.set_ha("right")


def _legend(axes, number: int) -> None:
    if number > 1:
        longest = max(len(text) for text in axes.get_legend_handles_labels()[1])
        columns = max(1, min(4, number, 60 // (longest + 6)))
        paper = axes.figure
        paper.set_figheight(paper.get_figheight() + 0.2 * -(-number // columns))
        paper.legend(loc="outside lower center", ncols=columns, handlelength=2.4)
