"""Delimited text and Parquet of a user's own making, through pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.errors import UserError, nearest

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = ("\t", ",", ";", "|", "::", " ")
# Header names that are understood without data.columns.
USUAL_NAMES = {
    "user": ("user", "user_id", "userid", "uid", "visitorid", "customer_id"),
    "item": ("item", "item_id", "itemid", "iid", "sid", "movie_id", "movieid", "product_id"),
    "behaviour": ("behaviour", "behavior", "event", "event_type", "action", "behavior_type"),
    "rating": ("rating", "score", "stars"),
    "timestamp": ("timestamp", "time", "unixtime", "date", "datetime"),
}


@dataclass(frozen=True)
class Table:
    """columns: name -> pandas Series; line_of: row -> line number in the file (row number for Parquet)."""

    columns: dict[str, pd.Series]
    line_of: Callable[[int], int]


def read_events_table(content: bytes, file: str, columns: Any = None, delimiter: str | None = None) -> Table:
    """Columns user, item and, where the file has them, behaviour, rating (float32), timestamp (int64, s).

    columns: None (usual header names), a mapping such as {user: visitor} to header names, or, for a file
    without a header, the list of its columns in order ("_" for one to skip). Raises UserError naming file,
    line and text.
    """
    table = read_table(content, file, columns if isinstance(columns, list) else None, delimiter)
    named = _name_columns(table, file, columns)
    for meaning in ("user", "item", "behaviour"):
        if meaning in named:
            named[meaning] = _ids(named[meaning], meaning, file, table.line_of)
    if "rating" in named:
        named["rating"] = _ratings(named["rating"], file, table.line_of)
    if "timestamp" in named:
        named["timestamp"] = _seconds(named["timestamp"], file, table.line_of)
    return Table(named, table.line_of)


def read_table(content: bytes, file: str, names: list[str] | None = None, delimiter: str | None = None) -> Table:
    """All columns of a delimited text (names: its columns when it has no header) or Parquet file."""
    import pandas as pd

    if content[:4] == b"PAR1":
        return _read_parquet(content, file)
    content = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    head = content[: 1 << 16].decode("utf-8", "replace").splitlines()[:20]
    if not head:
        raise UserError(f"{file} is empty.")
    delimiter = delimiter or _sniff(head)
    if len(delimiter) > 1:
        # pandas' fast readers take one character only.
        content = content.replace(delimiter.encode(), b"\x1f")
        head, delimiter = [line.replace(delimiter, "\x1f") for line in head], "\x1f"
    try:
        rows = list(csv.reader(head, delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{file} is not delimited text: {error}. Give CSV, TSV or Parquet.") from None
    width = len(names or rows[0])
    if names and set(names) & set(rows[0]):
        raise UserError(
            f"{file}, line 1: {head[0][:80]!r} is a header; data.columns={names} is for files without. "
            "Name its columns with data.columns={user: <name>, item: <name>}, or leave data.columns out."
        )
    if not names and b"\n" not in content:
        raise UserError(f"{file} has a header and no rows.")
    if not content.isascii():
        _refuse_other_encodings(content, file)
    if not _is_rectangular(content, rows, delimiter, width):
        _refuse_line(content, file, delimiter, width)
    try:
        frame = pd.read_csv(
            io.BytesIO(content),
            sep=delimiter,
            header=None if names else 0,
            names=names and [f"_{i}" if name == "_" else name for i, name in enumerate(names)],
            keep_default_na=False,
            na_values=[""],
            engine="c",
            low_memory=False,  # else the type of a column may change on the way
        )
    except (ValueError, pd.errors.ParserError) as error:
        _refuse_line(content, file, delimiter, width)
        raise UserError(f"{file} cannot be read as a table: {error}") from None
    frame.columns = [str(name).strip() for name in frame.columns]
    return Table(dict(frame.items()), lambda row: row + (1 if names else 2))


def _read_parquet(content: bytes, file: str) -> Table:
    import pandas as pd

    if not find_spec("pyarrow"):
        raise UserError(f"{file} is a Parquet file: install pyarrow to read it, or convert it to CSV.")
    try:
        frame = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (ValueError, OSError) as error:
        raise UserError(f"{file} is not a readable Parquet file: {error}") from None
    return Table({str(name): frame[name] for name in frame.columns}, lambda row: row + 1)


def _sniff(head: list[str]) -> str:
    """The first delimiter that cuts all the lines into the same number of columns, two at least."""
    for delimiter in DELIMITERS:
        if head[0].count(delimiter) and len({line.count(delimiter) for line in head}) == 1:
            return delimiter
    return max(DELIMITERS, key=head[0].count)


def _is_rectangular(content: bytes, rows: list[list[str]], delimiter: str, width: int) -> bool:
    """Whether lines have `width` cells: the first two exactly, all by count unless some are quoted."""
    lines = content.count(b"\n") + 1
    counted = b'"' in content or content.count(delimiter.encode()) + lines == width * lines
    return counted and {len(row) for row in rows[:2]} == {width}


def _refuse_other_encodings(content: bytes, file: str) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}, line {line}: not UTF-8 text ({error.reason}). Convert it to UTF-8.") from None


def _refuse_line(content: bytes, file: str, delimiter: str, width: int) -> None:
    for number, line in enumerate(content.decode().split("\n"), 1):
        where, text = f"{file}, line {number}: ", line.rstrip("\r")
        if not text.strip():
            raise UserError(f"{where}the line is empty. Delete it.")
        got = len(next(csv.reader([text], delimiter=delimiter)))
        if got != width:
            raise UserError(f"{where}{width} columns are expected, received {got}: {text[:80]!r}.")


def _name_columns(table: Table, file: str, columns: Any) -> dict[str, pd.Series]:
    if isinstance(columns, dict):
        for meaning, name in columns.items():
            if meaning not in USUAL_NAMES:
                raise UserError(f"data.columns names {meaning!r}.{nearest(meaning, USUAL_NAMES)}")
            if name is not None and name not in table.columns:
                hint = nearest(str(name), table.columns)
                raise UserError(f"{file} has no column {name!r} (data.columns).{hint}")
        return {meaning: table.columns[name] for meaning, name in columns.items() if name is not None}
    lower = {name.lower(): series for name, series in reversed(table.columns.items())}
    named = {}
    for meaning, usual in USUAL_NAMES.items():
        name = next((name for name in usual if name in lower), None)
        if name:
            named[meaning] = lower[name]
        elif meaning in ("user", "item"):
            raise UserError(
                f"{file}: no column looks like the {meaning}; its columns are {', '.join(table.columns)}. "
                f"Say which: data.columns={{{meaning}: <name>, ...}}, or list all columns if there is no "
                "header: data.columns=[user,item,rating]."
            )
    return named


def _ids(series: pd.Series, meaning: str, file: str, line_of: Callable[[int], int]) -> pd.Series:
    missing = series.isna().to_numpy()
    if missing.any():
        row = int(missing.argmax())
        raise UserError(f"{file}, line {line_of(row)}: the {meaning} is empty. Mend the line.")
    if series.dtype.kind == "f":
        broken = (series != series.round()).to_numpy()
        if broken.any():
            row = int(broken.argmax())
            raise UserError(
                f"{file}, line {line_of(row)}: the {meaning} {series.iloc[row]} is a fraction. "
                "Ids are whole numbers or text."
            )
        return series.astype(np.int64)
    return series if series.dtype.kind in "iu" else series.astype(str)


def _ratings(series: pd.Series, file: str, line_of: Callable[[int], int]) -> pd.Series:
    import pandas as pd

    numbers = pd.to_numeric(series, errors="coerce")
    wrong = (numbers.isna() & series.notna() | np.isinf(numbers)).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        received = repr(series.iloc[row])
        raise UserError(f"{file}, line {line_of(row)}: the rating {received} is not a number. Mend the line.")
    return numbers.astype(np.float32)


def _seconds(series: pd.Series, file: str, line_of: Callable[[int], int]) -> pd.Series:
    import pandas as pd

    is_date = series.dtype.kind == "M"
    if not is_date:
        times = pd.to_numeric(series, errors="coerce").replace([np.inf, -np.inf], np.nan)
        is_date = bool(times.isna().all())
    if is_date:
        times = pd.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
    wrong = times.isna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{file}, line {line_of(row)}: the timestamp {series.iloc[row]!r} is neither a number "
            "nor a date such as 2024-05-31 12:00:00. Mend the line."
        )
    return (times.astype("datetime64[s, UTC]") if is_date else times).astype(np.int64)
