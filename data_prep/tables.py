"""Tables of a user's own making: delimited text or Parquet, with ids exactly as written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.contexts import joined
from data_prep.delimited import Convert, Delimited
from data_prep.errors import UserError
from data_prep.ids import Texts, fault, is_faulty
from data_prep.meanings import find_meanings
from data_prep.parquet import MAGIC, Parquet, is_parquet
from data_prep.text_blocks import Opened, as_opened

if TYPE_CHECKING:
    import pandas as pd

ID_MEANINGS = ("user", "item", "behaviour")
LATEST = 2**63 - 1024  # the largest double below 2**63


@dataclass(frozen=True)
class Table:
    """columns by name; line_of: row -> line number in the file (row number for Parquet)."""

    columns: dict[str, Any]
    line_of: Callable[[int], int]


def open_table(content: bytes | Opened, file: str, names: list[str] | None = None, delimiter: str | None = None):
    """A Delimited or a Parquet table. names: the columns of a file without a header."""
    with as_opened(content)() as stream:
        begin = stream.read(len(MAGIC))
    if not is_parquet(begin, file):
        return Delimited(content, file, names, delimiter)
    if names:
        raise UserError(f"{file} is a Parquet file, which names its columns: give data.columns={{user: <name>, ...}}.")
    return Parquet(content, file)


def read_events_table(
    content: bytes | Opened,
    file: str,
    columns: Any = None,
    delimiter: str | None = None,
    context: list[str] | None = None,
) -> Table:
    """Columns user, item and, where the file has them, behaviour (Texts, or int64 where Parquet declares numbers),
    rating (float32) and timestamp (int64, seconds of dates, numbers as they are without fractions).

    columns: None (usual header names), a mapping such as {user: visitor} to header names, or, for a file
    without a header, the list of its columns in order ("_" for one to skip). context: names of columns that
    together are the user. Raises UserError naming file, line and text.
    """
    table = open_table(content, file, columns if isinstance(columns, list) else None, delimiter)
    places = find_meanings(table.names, file, columns, context or [])
    ids = {meaning: place for meaning, place in places.items() if meaning in ID_MEANINGS}
    converts: dict[str, Convert] = {"rating": partial(ratings, file), "timestamp": Seconds(file)}
    values = {meaning: place for meaning, place in places.items() if meaning in converts}
    parts = {name: places[name] for name in context or []}
    read = table.read([*parts.values(), *ids.values()], {place: converts[name] for name, place in values.items()})
    for meaning, place in (parts | ids).items():
        check_ids(read[place], meaning, file, table.line_of)
    found = {meaning: read[place] for meaning, place in ids.items()}
    if parts:
        found["user"] = joined([read[place] for place in parts.values()], list(parts), file)
    return Table(found | {meaning: read[place] for meaning, place in values.items()}, table.line_of)


def check_ids(column: Texts | np.ndarray, meaning: str, file: str, line_of: Callable[[int], int]) -> None:
    """UserError with file and line for the first cell that cannot be an id (ids.fault)."""
    if not isinstance(column, Texts) or column.plain:
        return
    faulty = np.array([is_faulty(value) for value in column.values] + [True])  # the last: an empty cell
    wrong = faulty[column.codes]
    if wrong.any():
        row = int(wrong.argmax())
        text = column[row]
        shown = f" {text[:40]!r}" if text else ""
        raise UserError(f"{file}, line {line_of(row)}: the {meaning}{shown} {fault(text)}. Mend the line.")


def ratings(file: str, series: pd.Series, line_of: Callable[[int], int], meaning: str = "rating") -> np.ndarray:
    """float32 [n]; NaN where there is none."""
    import pandas as pd

    numbers = pd.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = (np.isnan(numbers) & series.notna().to_numpy()) | (np.abs(numbers) > np.finfo(np.float32).max)
    if wrong.any():
        row = int(wrong.argmax())
        received = repr(series.iloc[row])
        raise UserError(f"{file}, line {line_of(row)}: the {meaning} {received} is not a number. Mend the line.")
    return numbers.astype(np.float32)


class Seconds:
    """Times as int64 [n]: numbers as they are, dates as seconds since 1970 (UTC where they name no zone).

    A column that comes in pieces is of dates where its first piece has no number, and is then to have none later on.
    """

    def __init__(self, file: str):
        self.file, self._are_dates = file, None

    def __call__(self, series: pd.Series, line_of: Callable[[int], int]) -> np.ndarray:
        import pandas as pd

        is_date = series.dtype.kind == "M"
        if not is_date:
            times = pd.to_numeric(series, errors="coerce").replace([np.inf, -np.inf], np.nan)
            is_date = bool(times.isna().all())
        if self._are_dates is None:
            self._are_dates = is_date
        if self._are_dates and not is_date:
            wrong = times.notna().to_numpy()
        elif self._are_dates:
            times = pd.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
            wrong = times.isna().to_numpy()
        else:
            wrong = (times.isna() | (times.abs() > LATEST)).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise UserError(
                f"{self.file}, line {line_of(row)}: the timestamp {_shown(series.iloc[row])} is neither a number of at most "
                "18 digits nor a date such as 2024-05-31 12:00:00, as those before it. Mend the line."
            )
        return times.astype("datetime64[s, UTC]" if is_date else np.int64).astype(np.int64).to_numpy()


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)
