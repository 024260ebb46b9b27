"""The file of a person who wants something forgotten: a CSV of raw ids, exactly as they are in the data.

Its header is `user,item` (pairs, in all behaviours), `user` (all data of users) or `item` (all data of items).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import UserError

Row = tuple[str, ...]  # (user, item) or (id,)
Content = tuple[str, list[Row]]  # kind and distinct rows, sorted
COLUMNS = {"pairs": ("user", "item"), "users": ("user",), "items": ("item",)}
HOW = "Its first line must be user,item (pairs), user (all data of users) or item (all data of items)."


def read_rows(path: str | Path) -> Content:
    """Raises UserError for a file that is not of this form; no id is changed on the way."""
    lines = _lines(path)
    if not lines:
        raise UserError(f"forget={path} is empty: nothing to forget. {HOW}")
    (_, header), *lines = lines
    columns = [name.strip() for name in header]
    kind = next((kind for kind, names in COLUMNS.items() if sorted(names) == sorted(columns)), None)
    if kind is None:
        raise UserError(f"forget={path} has the columns {', '.join(columns)}. {HOW}")
    if not lines:
        raise UserError(f"forget={path} has a header and no rows: nothing to forget.")
    for number, fields in lines:
        _check(f"forget={path}, line {number}", fields, columns)
    order = [columns.index(name) for name in COLUMNS[kind]]
    return kind, sorted({tuple(fields[place] for place in order) for _, fields in lines})


def together(contents: Sequence[Content]) -> list[Content]:
    """One of each kind, to be looked for in one go."""
    found: dict[str, set[Row]] = {}
    for kind, rows in contents:
        found.setdefault(kind, set()).update(rows)
    return [(kind, sorted(rows)) for kind, rows in found.items()]


def _lines(path: str | Path) -> list[tuple[int, list[str]]]:
    """Line numbers and fields, without empty lines."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, fields) for fields in reader if fields]
        if any("\0" in field for _, fields in lines for field in fields):
            raise ValueError("line contains NUL")
    except FileNotFoundError:
        raise UserError(f"forget={path}: there is no such file.") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"forget={path} cannot be read as CSV: {error}. {HOW}") from None
    return lines


def _check(where: str, fields: list[str], columns: list[str]) -> None:
    if len(fields) != len(columns):
        raise UserError(
            f"{where}: {len(fields)} fields ({','.join(fields)[:60]}) under the {len(columns)} of the header "
            f"{','.join(columns)}; give every row as many."
        )
    for field in fields:
        if not field.strip():
            raise UserError(f"{where}: an id is missing.")
        if field != field.strip():
            raise UserError(
                f"{where}: {field[:60]!r} begins or ends with white space. Ids are compared exactly as they stand "
                "in the data, and none there has any: remove it."
            )
