"""Delimited text: its delimiter, its shape, and its columns as texts or as values, through pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import Texts, plain_number

DELIMITERS = ("\t", ",", ";", "|", "::", " ")
STAND_IN = "\x1f"  # for a delimiter of several characters: pandas' fast reader takes one only
CHUNK = 1 << 23


class Delimited:
    """A table in delimited text, its shape and encoding checked."""

    def __init__(self, content: bytes, file: str, names: list[str] | None = None, delimiter: str | None = None):
        """names: of all columns, for a file without a header. Raises UserError naming file, line and text."""
        self.file, self._content = file, clean_text(content, file)
        self._first_line = 1 if names else 2
        head = head_of(self._content)
        delimiter = delimiter or sniff(head)
        if len(delimiter) > 1:
            self._content = self._content.replace(delimiter.encode(), STAND_IN.encode())
            head, delimiter = [line.replace(delimiter, STAND_IN) for line in head], STAND_IN
        self._delimiter = delimiter
        try:
            first = next(csv.reader(head, delimiter=delimiter))
        except (csv.Error, StopIteration) as error:
            raise UserError(f"{file} is not delimited text: {error}. Give CSV, TSV or Parquet.") from None
        if names and set(names) & set(first):
            raise UserError(
                f"{file}, line 1: {head[0][:80]!r} is a header; data.columns={names} is for files without. "
                "Name its columns with data.columns={user: <name>, item: <name>}, or leave data.columns out."
            )
        if not names and b"\n" not in self._content:
            raise UserError(f"{file} has a header and no rows.")
        self.names = names or [name.strip() for name in first]
        self._check_shape()
        cells = head[self._first_line - 1].split(delimiter)  # of the first row, which may be longer than the head
        self._begins = cells if len(cells) == len(self.names) else [""] * len(self.names)

    def line_of(self, row: int) -> int:
        return row + self._first_line

    def read(self, texts: Sequence[int], values: Sequence[int] = ()) -> dict[int, Any]:
        """Columns by place: Texts, exactly as written, and pandas Series of numbers or whatever pandas finds.

        A column that begins with a whole number is read as numbers, many times faster, and again as it is written
        unless all of them turn out to be plain decimals.
        """
        lengths = self._lengths or []
        tried = {place for place in texts if lengths and plain_number(self._begins[place]) is not None}
        found = self._read({*texts, *values}, dict.fromkeys(set(texts) - tried, object))
        plain = {place: _plain_numbers(found[place], lengths[place]) for place in tried}
        again = {place for place, column in plain.items() if column is None}
        found |= self._read(again, dict.fromkeys(again, object)) if again else {}
        written = {place: as_texts(found[place]) for place in texts if plain.get(place) is None}
        return found | plain | written

    def _read(self, places: set[int], types: dict[int, type]) -> dict[int, Any]:
        import pandas as pd

        try:
            frame = pd.read_csv(
                io.BytesIO(self._content),
                sep=self._delimiter,
                header=None,
                skiprows=self._first_line - 1,
                usecols=sorted(places),
                dtype=types,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                engine="c",
                low_memory=False,  # else the type of a column may change on the way
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise UserError(f"{self.file} cannot be read as a table: {error}") from None
        return {place: frame[place] for place in places}

    def _check_shape(self) -> None:
        """Every line has as many cells as there are columns. Notes the bytes of all cells of each column together,
        where no cell is quoted."""
        width, self._lengths = len(self.names), None
        if b'"' in self._content:
            self._check_quoted(width)
            return
        self._lengths = _lengths_of_columns(self._content, self._delimiter, width)
        if self._lengths is None:
            for number, line in enumerate(self._content.decode().split("\n"), 1):
                got = line.count(self._delimiter) + 1
                if not line.strip() or got != width:
                    raise self._misshapen(number, line, width, got)
        elif self._first_line > 1:
            header = self._content[: self._content.index(b"\n")].split(self._delimiter.encode())
            self._lengths = [total - len(name) for total, name in zip(self._lengths, header, strict=True)]

    def _check_quoted(self, width: int) -> None:
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(self._content), "utf-8", newline=""), delimiter=self._delimiter)
        try:
            for row in reader:
                if len(row) != width:
                    raise self._misshapen(reader.line_num, self._delimiter.join(row), width, len(row))
        except csv.Error as error:
            raise UserError(f"{self.file}, line {reader.line_num}: {error}. Mend the line.") from None

    def _misshapen(self, number: int, line: str, width: int, got: int) -> UserError:
        where, shown = f"{self.file}, line {number}: ", line.replace(STAND_IN, "::")[:80]
        if not shown.strip():
            return UserError(f"{where}the line is empty. Delete it.")
        return UserError(f"{where}{width} columns are expected, received {got}: {shown!r}.")


def clean_text(content: bytes, file: str) -> bytes:
    """Without byte order mark and with plain line ends; UserError for what is no UTF-8 text."""
    content = content.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    if not content:
        raise UserError(f"{file} is empty.")
    _refuse_byte(content, b"\0", file, "a NUL, which text does not have. Give CSV, TSV or Parquet.")
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise UserError(f"{file}, line {line}: not UTF-8 text ({error.reason}). Convert it to UTF-8.") from None
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        _refuse_byte(content, b"\r", file, "a carriage return within the line. Mend the line.")
    return content


def head_of(content: bytes) -> list[str]:
    """The first lines, 20 at most."""
    return content[: 1 << 20].decode("utf-8", "replace").split("\n")[:20]


def sniff(head: list[str]) -> str:
    """The first delimiter that cuts all the lines into the same number of columns, two at least."""
    for delimiter in DELIMITERS:
        if head[0].count(delimiter) and len({line.count(delimiter) for line in head}) == 1:
            return delimiter
    return max(DELIMITERS, key=head[0].count)


def _refuse_byte(content: bytes, byte: bytes, file: str, what: str) -> None:
    place = content.find(byte)
    if place >= 0:
        line = content.count(b"\n", 0, place) + 1
        raise UserError(f"{file}, line {line}: {what}")


def _lengths_of_columns(content: bytes, delimiter: str, width: int) -> list[int] | None:
    """Bytes of all cells of each column together; None unless the separators come as they must: width - 1 delimiters,
    a line end, and so on to the end."""
    data, seen = np.frombuffer(content, np.uint8), 0
    ends = [0] * width  # sums of the places where the cells of each column end
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        is_end = chunk == ord("\n")
        places = np.flatnonzero(is_end | (chunk == ord(delimiter)))
        column = (seen + np.arange(len(places))) % width
        if not np.array_equal(is_end[places], column == width - 1):
            return None
        for first in range(min(width, len(places))):
            ends[(seen + first) % width] += int(places[first::width].sum()) + start * len(places[first::width])
        seen += len(places)
    if seen % width != width - 1:
        return None
    ends[-1] += len(content)
    rows = seen // width + 1
    begins = [ends[-1] - len(content), *ends[:-1]]  # of a cell: the separator before it; the first has none
    return [end - begin - rows + (place == 0) for place, (end, begin) in enumerate(zip(ends, begins, strict=True))]


def _plain_numbers(column: Any, length: int) -> Texts | None:
    """The texts of a column that was read as int64, unless one of them is written in another way than its number.

    Every other way (007, +7, " 7") is longer, so it is enough to compare the lengths of all cells together.
    length: of the cells as written, in bytes.
    """
    if column.dtype != np.int64:
        return None
    numbers = column.to_numpy()
    digits = len(numbers) + np.count_nonzero(numbers < 0)
    digits += sum(int(np.count_nonzero(np.abs(numbers) >= 10**k)) for k in range(1, 19))
    return Texts.of(numbers) if digits == length else None


def as_texts(column: Any) -> Texts:
    """Of a pandas Series of str, where an empty cell is missing."""
    import pandas as pd

    codes, values = pd.factorize(np.asarray(column))
    return Texts(codes.astype(np.int32), np.asarray(values, object))
