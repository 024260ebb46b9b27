"""Plain-text tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first is left-aligned, the others right-aligned."""
    widths = [max(len(str(row[c])) for row in (header, *rows)) for c in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            str(cell).ljust(w) if c == 0 else str(cell).rjust(w) for c, (cell, w) in enumerate(zip(cells, widths))
        ).rstrip()

    return "\n".join([line(header), "  ".join("-" * w for w in widths), *map(line, rows)])


def metrics_table(intervals: Mapping[str, Sequence[float | None]]) -> str:
    """intervals: metric -> (mean, low, high), or (mean, None, None). One row per metric, one column per cut-off."""
    families: dict[str, dict[str, str]] = {}
    for name, (mean, low, high) in intervals.items():
        family, _, k = name.partition("@")
        families.setdefault(family, {})[k] = f"{mean:.4f}" + ("" if low is None else f" [{low:.4f}, {high:.4f}]")
    ks = sorted({k for cells in families.values() for k in cells if k}, key=int)
    rows = [
        [family, *(cells.get(k, cells.get("", "") if c == 0 else "") for c, k in enumerate(ks or [""]))]
        for family, cells in families.items()
    ]
    return format_table(["metric", *(f"@{k}" for k in ks)] if ks else ["metric", "value"], rows)
