"""Raw files to columns, by form of file. What a file means is its `role`; no data set has code of its own.

Forms (`form` of an entry of `data.files`):
  lines       `user item item ...`, whole numbers, blank- or tab-separated
  integers    equally many whole numbers a line (`columns` names them), separated by blanks, tabs or commas
  candidates  `(user,item) candidate candidate ...`, the negatives of the NCF protocol
  table       CSV, TSV or Parquet with any ids, through pandas
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import UserError, nearest
from data_prep.integers import read_integers
from data_prep.sources import RawFile
from data_prep.tables import read_events_table, read_table

EVENT_ROLES = ("train", "valid", "test")
# What the columns of an 'integers' file of a role are, unless the entry says so.
USUAL_COLUMNS = {
    "friends": ["user", "friend"],
    "triples": ["head", "relation", "tail"],
    "user_ids": ["raw_id"],
    "item_ids": ["raw_id"],
}


@dataclass(frozen=True)
class Part:
    """One file in columns: numpy arrays, or pandas Series where ids may be text; line_of: row -> line."""

    role: str
    behaviour: str | None
    file: str
    columns: dict[str, Any]
    line_of: Callable[[int], int]


def parse(raw_files: list[RawFile], options: dict[str, Any]) -> list[Part]:
    """Reads every file by its form. Raises UserError with file, line number and text received."""
    forms = {"lines": _lines, "integers": _integers, "candidates": _candidates, "table": _table}
    parts = []
    for raw in raw_files:
        form = raw.spec["form"]
        if form not in forms:
            raise UserError(f"The form {form!r} of {raw.spec['file']} is not known.{nearest(form, forms)}")
        columns, line_of = forms[form](raw, options)
        behaviour = raw.spec.get("behaviour") or options["target"]
        parts.append(Part(raw.spec["role"], behaviour, raw.spec["file"], columns, line_of))
    return parts


def _lines(raw: RawFile, options: dict[str, Any]):
    users, items, lines = read_integers(raw.content, raw.spec["file"]).pairs()
    first = raw.spec.get("first_id", 0)
    return {"user": users - first, "item": items - first}, lambda row: int(lines[row])


def _integers(raw: RawFile, options: dict[str, Any]):
    spec = raw.spec
    names = spec.get("columns") or USUAL_COLUMNS.get(spec["role"], ["user", "item"])
    read = read_integers(
        raw.content, spec["file"], separators=" \t,", columns=len(names), header=spec.get("header", False)
    )
    columns = dict(zip(names, read.table().T, strict=True))
    for name in ("user", "item", "friend"):
        if name in columns:
            columns[name] = columns[name] - spec.get("first_id", 0)
    return columns, lambda row: row + read.first_line


def _candidates(raw: RawFile, options: dict[str, Any]):
    read = read_integers(raw.content, raw.spec["file"], separators=" \t(),")
    lengths = read.lengths
    odd = np.flatnonzero((lengths != lengths[0]) | (lengths < 3))
    if len(odd):
        raise UserError(
            f"{raw.spec['file']}, line {odd[0] + 1}: {lengths[0] - 2} candidates are expected as on line 1 "
            f"(and one at least), received {lengths[odd[0]] - 2}."
        )
    table = read.table()
    return {"user": table[:, 0], "item": table[:, 1], "candidates": table[:, 2:]}, lambda row: row + 1


def _table(raw: RawFile, options: dict[str, Any]):
    spec, delimiter = raw.spec, options["delimiter"]
    columns = spec.get("columns") or options["columns"]
    if spec["role"] in EVENT_ROLES:
        table = read_events_table(raw.content, spec["file"], columns, delimiter)
    else:
        table = read_table(raw.content, spec["file"], spec.get("columns"), delimiter)
    return table.columns, table.line_of
