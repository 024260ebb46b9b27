"""Delimited text: its delimiter, its shape, and its columns as texts or as values, through pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import Texts

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

    def line_of(self, row: int) -> int:
        return row + self._first_line

    def read(self, texts: Sequence[int], values: Sequence[int] = ()) -> dict[int, Any]:
        """Columns by place: Texts, exactly as written, and pandas Series of numbers or whatever pandas finds."""
        import pandas as pd

        wanted = sorted({*texts, *values})
        try:
            frame = pd.read_csv(
                io.BytesIO(self._content),
                sep=self._delimiter,
                header=None,
                skiprows=self._first_line - 1,
                usecols=wanted,
                dtype=dict.fromkeys(texts, object),  # what is written passes through no number ("category" would guess)
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                engine="c",
                low_memory=False,  # else the type of a column may change on the way
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise UserError(f"{self.file} cannot be read as a table: {error}") from None
        found = {place: frame[place] for place in wanted}
        return found | {place: as_texts(found[place]) for place in texts}

    def _check_shape(self) -> None:
        """Every line has as many cells as there are columns."""
        width = len(self.names)
        if b'"' in self._content:
            self._check_quoted(width)
        elif not _is_rectangular(self._content, self._delimiter, width):
            for number, line in enumerate(self._content.decode().split("\n"), 1):
                got = line.count(self._delimiter) + 1
                if not line.strip() or got != width:
                    raise self._misshapen(number, line, width, got)

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
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
        _refuse_byte(content, b"\r", file, "a carriage return within the line. Mend the line.")
    _refuse_byte(content, b"\0", file, "a NUL, which text does not have. Give CSV, TSV or Parquet.")
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise UserError(f"{file}, line {line}: not UTF-8 text ({error.reason}). Convert it to UTF-8.") from None
    return content


def head_of(content: bytes) -> list[str]:
    """The first lines, 20 at most."""
    return content[: 1 << 16].decode("utf-8", "replace").split("\n")[:20]


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


def _is_rectangular(content: bytes, delimiter: str, width: int) -> bool:
    """Whether the separators come as they must: width - 1 delimiters, a line end, and so on to the end."""
    data, seen = np.frombuffer(content, np.uint8), 0
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        ends = chunk == ord("\n")
        is_end = ends[np.flatnonzero(ends | (chunk == ord(delimiter)))]
        expected = (seen + np.arange(len(is_end))) % width == width - 1
        if not np.array_equal(is_end, expected):
            return False
        seen += len(is_end)
    return seen % width == width - 1


def as_texts(column: Any) -> Texts:
    """Of a pandas Series of str, where an empty cell is missing."""
    import pandas as pd

    codes, values = pd.factorize(np.asarray(column))
    return Texts(codes.astype(np.int32), np.asarray(values, object))
