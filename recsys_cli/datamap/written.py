"""A map of places in words and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from recsys_cli.datamap.places import Place
from recsys_cli.text import wrapped

NAMED = {True: "YES", False: "no", None: "not looked up"}
FEW = 3  # files of a kind that are named one by one


def as_text(found: Sequence[Place], run: Path, asked: bool) -> str:
    """Files of the run that are alike in all that is said of them stand together."""
    groups: dict[tuple, list[Place]] = {}
    for place in found:
        groups.setdefault((place.what, place.holds, place.done, place.named), []).append(place)
    lines = []
    for (what, holds, done, named), own in groups.items():
        names = [_name(place.path, run) for place in own]
        shown = ", ".join(names) if len(names) <= FEW else f"{names[0]} and {len(names) - 1} more"
        looked = f"; asked-for rows: {NAMED[named]}" if asked else ""
        lines += [shown, wrapped(f"    {what}; holds {holds}{looked}", 4), wrapped(f"    -> {done}", 4)]
    return "\n".join(lines)


def as_csv(found: Sequence[Place]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Place._fields)
    writer.writerows([place.path, place.what, place.holds, place.done, NAMED[place.named]] for place in found)
    return stream.getvalue().encode()


def _name(path: Path, run: Path) -> str:
    return str(path.relative_to(run)) if path.is_relative_to(run) else str(path)
