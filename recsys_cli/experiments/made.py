"""What a maker of tables or figures gives: to be written by assemble.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from recsys_cli.experiments.document import Document
from recsys_cli.experiments.published import Published
from recsys_cli.experiments.spec import Experiment

if TYPE_CHECKING:
    from recsys_cli.pages.canvas import Figure

Line = dict[str, str]


class Made(NamedTuple):
    """lines: of the CSV file. drawings: by the name of their files; None where there is no matplotlib."""

    document: Document
    lines: list[Line]
    drawings: Mapping[str, Figure | None] = {}


def unavailable_lines(experiment: Experiment, numbers: Published, lines: Sequence[Line]) -> list[Line]:
    """The published numbers of data sets that are not to be had; lines: the others, for their columns."""
    empty = dict.fromkeys(lines[0] if lines else ("data", "row", "metric", "published", "ours", "why"), "")
    missing = experiment.settings.unavailable
    found = numbers.of(missing, experiment.settings.metrics)
    given = [
        {
            "data": n.data,
            "row": n.row,
            "metric": n.metric,
            "published": f"{n.value:.10g}",
            "why": missing[n.data],
            "printed": n.note,
        }
        for n in found
    ]
    return [empty | {key: value for key, value in line.items() if key in empty} for line in given]


def filled(lines: Sequence[Line]) -> tuple[int, int]:
    """How many of the published numbers have one of ours beside them, and how many there are."""
    wanted = [line for line in lines if line.get("published")]
    return sum(bool(line.get("ours")) for line in wanted), len(wanted)
