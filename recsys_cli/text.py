"""Plain text for a terminal: tables, and how long something takes."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence


def terminal_width() -> int:
    """Columns of the terminal (or the variable COLUMNS); 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def wrapped(line: str, indent: int = 2) -> str:
    """A line within the width of the terminal. indent: of what does not fit, below it."""
    return textwrap.fill(
        line, terminal_width(), subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def some(names: Sequence[object], most: int = 5) -> str:
    """The first few, and how many more there are."""
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def duration(seconds: float) -> str:
    """In the unit in which a person would say it: "45 s", "4 min", "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first is left-aligned, the others right-aligned."""
    widths = [max(len(str(row[c])) for row in (header, *rows)) for c in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            str(cell).ljust(w) if c == 0 else str(cell).rjust(w) for c, (cell, w) in enumerate(zip(cells, widths))
        ).rstrip()

    return "\n".join([line(header), "  ".join("-" * w for w in widths), *map(line, rows)])


def metrics_table(intervals: Mapping[str, Sequence[float | None]], width: int | None = None) -> str:
    """intervals: metric -> (mean, low, high), or (mean, None, None). One row per metric, one column per cut-off.

    width: columns of the terminal, by default; cut-offs that do not fit go into further tables below.
    """
    families: dict[str, dict[str, str]] = {}
    for name, (mean, low, high) in intervals.items():
        family, _, k = name.partition("@")
        families.setdefault(family, {})[k] = f"{mean:.4f}" + (
            "" if low is None or high is None else f" [{_short(low)}, {_short(high)}]"
        )
    ks = sorted({k for cells in families.values() for k in cells if k}, key=int)
    if not ks:
        return format_table(["metric", "value"], [[family, *cells.values()] for family, cells in families.items()])
    columns = {k: [cells.get(k, cells.get("", "") if k == ks[0] else "") for cells in families.values()] for k in ks}
    room = (width or terminal_width()) - max(map(len, (*families, "metric")))
    tables, first = [], 0
    while first < len(ks):
        last, used = first, 0
        while last < len(ks) and (last == first or used + 2 + max(map(len, columns[ks[last]])) <= room):
            used += 2 + max(map(len, columns[ks[last]]))
            last += 1
        rows = [row for row in zip(families, *(columns[k] for k in ks[first:last])) if any(row[1:])]
        tables.append(format_table(["metric", *(f"@{k}" for k in ks[first:last])], rows))
        first = last
    return "\n\n".join(tables)


def _short(value: float) -> str:
    """An end of an interval, without the zero before the point."""
    return f"{value:.4f}".removeprefix("0")
