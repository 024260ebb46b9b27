"""RI, the column of the thesis that sums up a row: by how much the reference is better, averaged over the metrics."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from recsys_cli.experiments.cells import Cell
from recsys_cli.experiments.published import Published
from recsys_cli.experiments.verdict import RI, Verdict


def relative_improvement(reference: Sequence[float], other: Sequence[float]) -> float | None:
    """Percent; the values of both by metric, in the same order. None where the other has a 0."""
    if not reference or not all(other):
        return None
    return 100 * statistics.fmean(ours / theirs - 1 for ours, theirs in zip(reference, other, strict=True))


def improvements(cells: Sequence[Cell], reference: str, numbers: Published) -> list[Cell]:
    """A cell for each other row that has every metric of the row `reference` (or a published RI), by data set."""
    found = []
    by_row: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in (cell for cell in cells if "-" not in cell.metric):  # among all items
        by_row.setdefault((cell.source.id, cell.row.label), {})[cell.metric] = cell
    for (source, label), own in by_row.items():
        if label == reference:
            continue
        first = next(iter(own.values()))
        best = by_row.get((source, reference), {})
        pairs = [(best[m].mean if m in best else None, cell.mean) for m, cell in own.items()]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        value = relative_improvement(*map(list, zip(*known))) if known and len(known) == len(pairs) else None
        groups = (first.source.group, first.row.group)
        number = numbers.find(first.source.published, first.row.published or label, RI, groups)
        if number or value is not None:
            ours = () if value is None else (value,)
            found.append(Cell(first.source, first.row, RI, number, ours, Verdict()))
    return found
