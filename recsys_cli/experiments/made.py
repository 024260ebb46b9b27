"""What a maker of tables or figures gives: to be written by assemble.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from recsys_cli.experiments.document import Document

if TYPE_CHECKING:
    from recsys_cli.pages.canvas import Figure


class Made(NamedTuple):
    """lines: of the CSV file. filled, wanted: cells with a number of ours, of those that the paper has numbers for.

    drawings: by the name of their files; None where there is no matplotlib.
    """

    document: Document
    lines: list[dict[str, str]]
    filled: int
    wanted: int
    drawings: Mapping[str, Figure | None] = {}
