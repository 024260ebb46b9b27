"""A comparison for the terminal and for programs."""

from __future__ import annotations

from typing import Any

from recsys_cli.reports.comparison import Comparison, Measured, Pair
from recsys_cli.statistics.paired import TESTS
from recsys_cli.text import format_table


def value(mean: float, sd: float | None = None) -> str:
    return f"{mean:.4f}" + ("" if sd is None else f" ±{sd:.4f}")


def p_value(p: float | None) -> str:
    if p is None:
        return "-"
    return "<.0001" if p < 0.0001 else f"{p:.4f}".removeprefix("0")


def relative(pair: Pair, measured: dict[str, Measured]) -> str:
    """The difference in per cent of the other."""
    base = measured[pair.other].metrics[pair.metric][0]
    return f"{100 * pair.effect.mean / base:+.1f} %" if base else ""


def interval(pair: Pair) -> str:
    low, high = pair.effect.low, pair.effect.high
    return f"{pair.effect.mean:+.4f}" + ("" if low is None or high is None else f" [{low:+.4f}, {high:+.4f}]")


def cohen_d(pair: Pair) -> str:
    """Over users."""
    return f"{pair.effect.cohen_d:+.2f}" if pair.p and pair.effect.cohen_d is not None else "-"


def metrics_first(comparison: Comparison) -> bool:
    """Whether a table is narrower with a line per metric than with a line per row."""
    return len(comparison.measured) < len(comparison.metrics)


def as_text(comparison: Comparison, test: str) -> str:
    """test: the one whose p values are corrected."""
    measured = {m.name: m for m in comparison.measured}
    rows = [["row", "seeds", *comparison.metrics]]
    for m in comparison.measured:
        rows.append([m.name, str(m.seeds or "file"), *(value(*m.metrics[metric]) for metric in comparison.metrics)])
    if metrics_first(comparison):
        rows = [list(column) for column in zip(*rows)]
    parts = [format_table(rows[0], rows[1:])]
    for one, other in dict.fromkeys((pair.one, pair.other) for pair in comparison.pairs):
        lines = []
        for pair in comparison.pairs:
            if (pair.one, pair.other) == (one, other):
                p = [p_value(pair.p.get(name)) for name in TESTS]
                corrected = [p_value(by.get(test)) for by in pair.corrected.values()]
                seeds = p_value(pair.p_seeds.get("t")) if pair.over_seeds else "-"
                lines.append(
                    [
                        pair.metric,
                        interval(pair),
                        relative(pair, measured),
                        cohen_d(pair),
                        *p,
                        *corrected,
                        seeds,
                    ]
                )
        header = ["metric", "difference [95 %]", "", "d", *TESTS, *pair.corrected, "t, seeds"]
        parts.append(f"{one} less {other}\n{format_table(header, lines)}")
    return "\n\n".join(parts)


def legend(comparison: Comparison, test: str) -> list[str]:
    """What the numbers mean, in sentences."""
    told = ["Rows: mean over seeds ± standard deviation."] if any(m.seeds > 1 for m in comparison.measured) else []
    if not comparison.users:
        return told
    number = sum(pair.p.get(test) is not None for pair in comparison.pairs)
    return [
        *told,
        f"Differences over {comparison.users:,} users (mean over seeds of each), with bootstrap interval; d: Cohen's d of "
        "the pairs; two-sided p values of the randomisation test, the t test and Wilcoxon's signed-rank test over users; "
        "t, seeds: t test over the seeds that both have.",
        f"Holm, BH (Benjamini and Hochberg): the p values of the {test} test, corrected for all {number} tests of this "
        "comparison.",
    ]


def as_plain(comparison: Comparison) -> dict[str, Any]:
    """Plain values, with all that was found."""
    return {
        "users": comparison.users,
        "rows": [
            m._asdict() | {"runs": {str(s): str(run.path) for s, run in row.runs.items()}, "settings": row.settings}
            for m, row in zip(comparison.measured, comparison.rows)
        ]
        + [m._asdict() for m in comparison.measured[len(comparison.rows) :]],
        "pairs": [
            pair._asdict()
            | {"effect": pair.effect._asdict(), "over_seeds": pair.over_seeds and pair.over_seeds._asdict()}
            for pair in comparison.pairs
        ],
        "notes": comparison.notes,
    }
