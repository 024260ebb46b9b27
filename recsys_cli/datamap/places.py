"""One place that may hold what is known of people."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

# What a place holds of people.
ROWS, LEARNT, VALUES, IDS = "their rows", "learnt from their rows", "values of each person", "raw ids"
NOTHING, UNKNOWN = "nothing of single persons", "unknown"


class Place(NamedTuple):
    """what: it is. holds: one of the words above. done: what was done about it, or who has to. named: whether it has any
    row of the request that was asked about; None where that cannot be looked up, or nothing was asked."""

    path: Path
    what: str
    holds: str
    done: str
    named: bool | None = None
