"""A comparison as one HTML page."""

from __future__ import annotations

import json
from typing import Any

from data_prep.settings import shown
from recsys_cli.evaluation.metrics import has_direction
from recsys_cli.evaluation.names import lower_is_better
from recsys_cli.pages.figures import Series, bars, lines
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import (
    Cell,
    bullets,
    code,
    details,
    figure,
    figures,
    heading,
    marks,
    page,
    paragraph,
    section,
    table,
)
from recsys_cli.reports.comparison import Comparison, Pair
from recsys_cli.reports.comparison_text import cohen_d, interval, legend, metrics_first, p_value, relative, value
from recsys_cli.reports.curves import curves, epochs_of, measured_names
from recsys_cli.statistics.paired import TESTS
from recsys_cli.statistics.spread import PERCENTILES

LEVEL = 0.05


def comparison_page(comparison: Comparison, test: str, made_by: str) -> str:
    """test: the one whose p values are corrected. made_by: the command."""
    names = [m.name for m in comparison.measured]
    return page(
        " and ".join(names) if len(names) < 4 else f"{len(names)} rows compared",
        section("Results", _results(comparison), bullets(comparison.notes), *_intervals(comparison)),
        section("Differences", *_differences(comparison, test)),
        *_while_training(comparison),
        *_distributions(comparison),
        section("Settings", *_settings(comparison)),
        about=_about(comparison),
        footer=paragraph("Made by ", code(made_by)),
    )


def _about(comparison: Comparison) -> str:
    if not comparison.rows:
        return f"{comparison.users:,} users"
    run = next(iter(comparison.rows[0].runs.values()))
    kind = run.result.get("protocol", {}).get("protocol", "")
    return (
        f"data {run.config.data.name}, {run.result.get('users'):,} users of {run.result.get('split')}, ranking {kind}"
    )


def _results(comparison: Comparison) -> Html:
    rows: list[list[Any]] = [["row", *(m.name for m in comparison.measured)]]
    rows.append(["seeds", *(m.seeds or "file" for m in comparison.measured)])
    for metric in comparison.metrics:
        values = [m.metrics[metric] for m in comparison.measured]
        best = marks([mean for mean, _ in values], lower_is_better(metric))
        shown = best if has_direction(metric) else [""] * len(values)
        rows.append([metric, *(Cell(f"{mean:.4f}", mark, _sd(sd)) for (mean, sd), mark in zip(values, shown))])
    rows.append(
        ["s/epoch", *(f"{s:.3f}" if (s := m.seconds_per_epoch) is not None else "" for m in comparison.measured)]
    )
    if not metrics_first(comparison):
        rows = [list(row) for row in zip(*rows)]
    caption = "Best in bold, the next underlined; ± standard deviation over seeds."
    return table([_plain(cell) for cell in rows[0]], [[_plain(row[0]), *row[1:]] for row in rows[1:]], caption)


def _plain(cell: Any) -> Any:
    return cell.value if isinstance(cell, Cell) else cell


def _sd(sd: float | None) -> str:
    return "" if sd is None else f"±{sd:.4f}"


def _intervals(comparison: Comparison) -> list[Html]:
    """Bars, grouped by metric; families of metrics beside one another."""
    families = list(dict.fromkeys(metric.partition("@")[0] for metric in comparison.metrics))
    found = []
    for family in families[:4]:
        own = [metric for metric in comparison.metrics if metric.partition("@")[0] == family]
        series = []
        for place, m in enumerate(comparison.measured):
            ends = [_interval_of(comparison, place, metric) for metric in own]
            low, high = ([e[n] for e in ends if e] for n in (0, 1))
            both = len(low) == len(own)
            series.append(
                Series(m.name, own, [m.metrics[x][0] for x in own], low if both else None, high if both else None)
            )
        found.append(figure(bars(series, "metric", family)))
    return [
        figures(*found),
        paragraph("Bars: mean over seeds; intervals of one seed (the first): 95 %, over users.", mark="soft"),
    ]


def _interval_of(comparison: Comparison, place: int, metric: str) -> tuple[float, float] | None:
    """Around the mean over seeds, as wide as that of the first seed."""
    if place >= len(comparison.rows):
        return None
    run = next(iter(comparison.rows[place].runs.values()))
    found, mean = run.result["metrics"][metric], comparison.measured[place].metrics[metric][0]
    if found.get("low") is None:
        return None
    return mean - (found["mean"] - found["low"]), mean + (found["high"] - found["mean"])


def _differences(comparison: Comparison, test: str) -> list[Html]:
    measured = {m.name: m for m in comparison.measured}
    blocks = [paragraph(text, mark="soft") for text in legend(comparison, test)]
    for one, other in dict.fromkeys((pair.one, pair.other) for pair in comparison.pairs):
        pairs = [pair for pair in comparison.pairs if (pair.one, pair.other) == (one, other)]
        header = ["metric", "difference [95 %]", "relative", "d", "better / worse / equal", *TESTS]
        header += [*pairs[0].corrected, "seeds: difference [95 %]", "seeds: t"]
        rows = []
        for pair in pairs:
            corrected = [p_value(by.get(test)) for by in pair.corrected.values()]
            holm = pair.corrected.get("Holm", {}).get(test)
            mark = "" if holm is None or holm >= LEVEL else "good" if _good(pair) else "bad"
            rows.append(
                [
                    pair.metric,
                    Cell(interval(pair), mark),
                    relative(pair, measured),
                    cohen_d(pair),
                    _counts(pair),
                ]
                + [p_value(pair.p.get(name)) for name in TESTS]
                + [*corrected, _over_seeds(pair), p_value(pair.p_seeds.get("t"))]
            )
        blocks += [heading(f"{one} less {other}"), table(header, rows)]
    blocks.append(
        paragraph(
            f"Shaded: below {LEVEL} after Holm's correction, in favour of the first row (green) or of the second (red).",
            mark="soft",
        )
    )
    return blocks if comparison.pairs else [paragraph("Nothing was paired.")]


def _good(pair: Pair) -> bool:
    return (pair.effect.mean < 0) == lower_is_better(pair.metric)


def _counts(pair: Pair) -> str:
    e = pair.effect
    return f"{e.better:,} / {e.worse:,} / {e.equal:,}" if pair.p else ""


def _over_seeds(pair: Pair) -> str:
    return interval(pair._replace(effect=pair.over_seeds)) + f" ({pair.over_seeds.n})" if pair.over_seeds else ""


def _while_training(comparison: Comparison) -> list[Html]:
    logs = [epochs_of(run.path) for row in comparison.rows for run in row.runs.values()]
    names = [name for name in measured_names([log for log in logs if len(log) > 1]) if name in comparison.metrics]
    drawn = []
    for name in names[:4]:
        series = curves(comparison.rows, name)
        drawn.append(
            figure(
                lines([s for s in series if len(s.x) > 1] + [_alone(s) for s in series if len(s.x) == 1], "epoch", name)
            )
        )
    if not drawn:
        return []
    note = "Measured on the validation part while training; bands: smallest and largest of the seeds."
    return [section("While training", figures(*drawn), paragraph(note, mark="soft"))]


def _alone(series: Series) -> Series:
    return series._replace(points=True)


def _distributions(comparison: Comparison) -> list[Html]:
    header = ["row", "mean", *(f"{p} %" for p in PERCENTILES)]
    tables = []
    for metric in comparison.metrics:
        rows = [
            [m.name, value(m.metrics[metric][0]), *(f"{v:.4f}" for v in m.percentiles[metric])]
            for m in comparison.measured
            if metric in m.percentiles
        ]
        if rows:
            tables.append(table(header, rows, caption=metric))
    return (
        [
            section(
                "Distribution over users",
                paragraph("Percentiles of the values of users.", mark="soft"),
                *tables[:2],
                *([details("more metrics", *tables[2:])] if tables[2:] else []),
            )
        ]
        if tables
        else []
    )


def _settings(comparison: Comparison) -> list[Html]:
    rows = comparison.rows
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    differ = [k for k in keys if len({json.dumps(row.settings.get(k), sort_keys=True) for row in rows}) > 1]
    cells = [[key, *(shown(row.settings[key]) if key in row.settings else "" for row in rows)] for key in differ]
    texts = range(1, len(rows) + 1)
    runs = [[row.name, s, str(run.path), run.record.get("started", "")] for row in rows for s, run in row.runs.items()]
    return [
        heading("What differs"),
        table(["setting", *(row.name for row in rows)], cells, texts=texts) if cells else paragraph("Nothing."),
        heading("Runs"),
        table(["row", "seed", "run", "started"], runs, texts=[2, 3]),
    ]
