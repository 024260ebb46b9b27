"""Raw files to columns, by form of file. What a file means is its `role`; no data set has code of its own.

Forms (`form` of an entry of `data.files`):
  lines       `user item item ...`, whole numbers, blank- or tab-separated
  integers    equally many whole numbers a line (`columns` names them), separated by blanks, tabs or commas
  candidates  `(user,item) candidate candidate ...`, the negatives of the NCF protocol
  table       CSV, TSV or Parquet with any ids (text as written, or numbers where Parquet declares them)
  text_lines  `user item item ...` with any ids, text as written
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from data_prep.errors import UserError, nearest
from data_prep.integers import read_integers
from data_prep.lines import looks_like_lines, read_lines
from data_prep.meanings import COMPANIONS, find_companions, is_long, without_types
from data_prep.sources import RawFile
from data_prep.tables import check_ids, open_table, ratings, read_events_table

EVENT_ROLES = ("train", "valid", "test")
FEATURE_ROLES = ("user_features", "item_features")
# What the columns of an 'integers' file of a role are, unless the entry says so.
USUAL_COLUMNS = {
    "friends": ["user", "friend"],
    "triples": ["head", "relation", "tail"],
    "user_ids": ["raw_id"],
    "item_ids": ["raw_id"],
}
# How many of the first columns of a table of a role are ids.
IDS_OF = {"user_features": 1, "item_features": 1, "user_ids": 2, "item_ids": 2}


@dataclass(frozen=True)
class Part:
    """One file in columns: int64, float32 or Texts; line_of: row -> line; several, numbers: of features, as in
    data_settings.FileSettings."""

    role: str
    behaviour: str | None
    file: str
    columns: dict[str, Any]
    line_of: Callable[[int], int]
    several: dict[str, str] = field(default_factory=dict)
    numbers: Sequence[str] = ()


def parse(raw_files: list[RawFile], options: dict[str, Any]) -> tuple[list[Part], list[str]]:
    """Every file in columns by its form, and notes. Raises UserError with file, line number and text received."""
    readers = {
        "lines": _lines,
        "integers": _integers,
        "candidates": _candidates,
        "table": _table,
        "text_lines": _text_lines,
    }
    raw_files, notes = _with_forms(raw_files, options)
    parts = []
    for raw in raw_files:
        form = raw.spec["form"]
        if form not in readers:
            raise UserError(f"The form {form!r} of {raw.spec['file']} is not known.{nearest(form, readers)}")
        columns, line_of = readers[form](raw, options)
        behaviour = raw.spec.get("behaviour") or options["target"]
        spec = raw.spec
        more = spec.get("several", {}), _numbers(spec, options)
        parts.append(Part(spec["role"], behaviour, spec["file"], columns, line_of, *more))
    return parts, notes


def _with_forms(raw_files: list[RawFile], options: dict[str, Any]) -> tuple[list[RawFile], list[str]]:
    """Interactions of one's own get a form: that of data.form, or what the training file looks like."""
    if options["source"] != "csv":
        return raw_files, []
    form, notes = options["form"], []
    if form is None:
        form, first = "table", raw_files[0]
        said = options["columns"] or options["delimiter"] or options["context"]
        if not said and looks_like_lines(first.open, first.spec["file"]):
            form = "lines"
            notes = [f"{first.spec['file']} is read as lines `user item item ...`; data.form=table reads a table."]
    spec = {"form": {"table": "table", "lines": "text_lines"}[form]}
    return [replace(raw, spec=raw.spec | spec) if raw.spec["role"] in EVENT_ROLES else raw for raw in raw_files], notes


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


def _text_lines(raw: RawFile, options: dict[str, Any]):
    users, items, lines = read_lines(raw.open, raw.spec["file"])
    return {"user": users, "item": items}, lambda row: int(lines[row])


def _table(raw: RawFile, options: dict[str, Any]):
    spec, delimiter = raw.spec, options["delimiter"]
    if spec["role"] in EVENT_ROLES:
        columns = spec.get("columns") or options["columns"]
        table = read_events_table(raw.open, spec["file"], columns, delimiter, options["context"])
        return table.columns, table.line_of
    if options["source"] == "csv":  # data.delimiter is that of the interactions
        delimiter = None
    table = open_table(raw.open, spec["file"], spec.get("columns"), delimiter)
    if spec["role"] in COMPANIONS:
        places = find_companions(table.names, spec["file"], spec["role"])
        read = table.read(list(places.values()))
        for name, place in places.items():
            check_ids(read[place], name, spec["file"], table.line_of)
        return {name: read[place] for name, place in places.items()}, table.line_of
    names, numeric = without_types(table.names), _numbers(spec, options)
    if spec["role"] in FEATURE_ROLES and is_long(names):
        numeric = []  # of some rows only
    elif options["source"] == "csv":
        numeric = [name for name in numeric if name in names]
    if unknown := {*numeric, *spec.get("several", {})} - set(names):
        raise UserError(f"{spec['file']} has no column {min(unknown)!r} (data.files).{nearest(min(unknown), names)}")
    numbers = {p: partial(ratings, spec["file"], meaning=name) for p, name in enumerate(names) if name in numeric}
    read = table.read([place for place in range(len(names)) if place not in numbers], numbers)
    for place in range(IDS_OF[spec["role"]]):
        check_ids(read[place], names[place], spec["file"], table.line_of)
    return {name: read[place] for place, name in enumerate(names)}, table.line_of


def _numbers(spec: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """The fields that are numbers; of data=csv those of users and of items are named together."""
    return options["numbers"] if options["source"] == "csv" else spec.get("numbers", [])
