"""Features from the columns of a table of users or items."""

from __future__ import annotations

import numpy as np

from data_prep.errors import UserError
from data_prep.features import Field
from data_prep.ids import Texts, numbered, places
from data_prep.meanings import is_long
from data_prep.parsing import Part
from data_prep.tables import check_ids

SEVERAL = (
    "Give one row each. Several values of a field have a row each in a table {key},field,value, or one cell where the "
    "entry of the file says so (several: {{genres: '|'}})."
)
MOST_FIELDS = 1000  # each is a name in the manifest, and a place in models that tell fields apart


def of_table(part: Part, ids: np.ndarray) -> tuple[list[Field], np.ndarray]:
    """(the fields, which rows are of an entity in `ids`, bool [rows]). The first column is the id.

    The other columns are fields, of which an entry of data.files says that the cells hold several values
    (`several: {genres: "|"}`) or a number (`numbers: [year]`); or they are field and value, with a row for each value.
    Raises UserError for a second row (a second number of a field) of an entity.
    """
    key, *names = part.columns
    if not names:
        raise UserError(f"{part.file} has the column {key!r} only: an id and at least one field are expected.")
    entities = places(part.columns[key], ids)
    known = entities >= 0
    rows = np.flatnonzero(known)
    if is_long(list(part.columns)):
        return _of_rows(part, entities, rows), known
    _refuse_second_rows(part, entities, rows, "row", SEVERAL.format(key=key))
    fields = []
    for name in names:
        column = part.columns[name]
        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            here = rows[~np.isnan(column[rows])]
            fields.append(Field(name, entities[here], np.zeros(len(here), np.int64), 1, column[here]))
        else:
            fields.append(_categories(name, entities[rows], Texts.of(column), rows, part.several.get(name)))
    return fields, known


def _of_rows(part: Part, entities: np.ndarray, rows: np.ndarray) -> list[Field]:
    """Fields of a table with a row for each value, in the order of their names. A value that is empty says nothing."""
    name, value = (Texts.of(column) for column in list(part.columns.values())[1:])
    if len(name.values) > MOST_FIELDS:
        raise UserError(
            f"{part.file} has {len(name.values):,} fields, such as {name.values[0]!r}, and at most {MOST_FIELDS:,} are "
            "taken: the columns are to be an id, the name of a field, and a value."
        )
    check_ids(name, "field", part.file, part.line_of)
    fields = []
    for code in np.argsort(name.values):
        here = rows[(name.codes[rows] == code) & (value.codes[rows] >= 0)]
        field = str(name.values[code])
        if field not in part.numbers:
            (codes,), found = numbered([Texts(value.codes[here], value.values)])
            fields.append(Field(field, entities[here], codes, len(found)))
            continue
        numbers = [_number(value[row], field, part, row) for row in here]
        _refuse_second_rows(part, entities, here, f"number of the field {field!r}", "Give one.")
        fields.append(Field(field, entities[here], np.zeros(len(here), int), 1, np.array(numbers, np.float32)))
    return fields


def _number(text: str, field: str, part: Part, row: int) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if abs(number) < np.finfo(np.float32).max:
        return number
    raise UserError(f"{part.file}, line {part.line_of(row)}: the {field} {text!r} is not a number. Mend the line.")


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


def _refuse_second_rows(part: Part, entities: np.ndarray, rows: np.ndarray, what: str, how: str) -> None:
    order = rows[np.argsort(entities[rows], kind="stable")]
    again = np.flatnonzero(np.diff(entities[order]) == 0)
    if len(again):
        key, row = next(iter(part.columns)), int(order[again + 1].min())
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: a second {what} of the {key} {part.columns[key][row]}. {how}"
        )
