"""Features from the columns of a table of users or items."""

from __future__ import annotations

import numpy as np

from data_prep.errors import UserError
from data_prep.features import Field
from data_prep.ids import Texts, numbered, places
from data_prep.parsing import Part


def of_table(part: Part, ids: np.ndarray) -> tuple[list[Field], np.ndarray]:
    """(the fields, which rows are of an entity in `ids`, bool [rows]). The first column is the id.

    An entry of data.files says of a field that its cells hold several values (`several: {genres: "|"}`) or a
    number (`numbers: [year]`). Raises UserError for a second row of an entity.
    """
    key, *names = part.columns
    if not names:
        raise UserError(f"{part.file} has the column {key!r} only: an id and at least one field are expected.")
    entities = places(part.columns[key], ids)
    known = entities >= 0
    rows = np.flatnonzero(known)
    _refuse_second_rows(part, entities, rows)
    fields = []
    for name in names:
        column = part.columns[name]
        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            here = rows[~np.isnan(column[rows])]
            fields.append(Field(name, entities[here], np.zeros(len(here), np.int64), 1, column[here]))
        else:
            fields.append(_categories(name, entities[rows], Texts.of(column), rows, part.several.get(name)))
    return fields, known


def _categories(name: str, entities: np.ndarray, column: Texts, rows: np.ndarray, separator: str | None) -> Field:
    """separator: None where a cell is one value."""
    cells = [[value] if separator is None else _words(value, separator) for value in column.values] + [[]]
    lengths = np.array([len(cell) for cell in cells])
    words = np.array([word for cell in cells for word in cell], object)
    first, code = np.cumsum(lengths) - lengths, column.codes[rows]
    count = lengths[code]
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    (codes,), found = numbered([Texts((np.repeat(first[code], count) + offset).astype(np.int32), words)])
    return Field(name, np.repeat(entities, count), codes, len(found))


def _words(cell: str, separator: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in cell.split(separator) if word.strip()))


def _refuse_second_rows(part: Part, entities: np.ndarray, rows: np.ndarray) -> None:
    order = rows[np.argsort(entities[rows], kind="stable")]
    again = np.flatnonzero(np.diff(entities[order]) == 0)
    if len(again):
        key, row = next(iter(part.columns)), int(order[again + 1].min())
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: a second row of the {key} {part.columns[key][row]}. Give one row "
            "each; several values of a field go into one cell (several: {genres: '|'} in the entry of the file)."
        )
