"""Delimited text: its delimiter, its shape, and its columns as texts or as values, through pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import Texts, plain_number
from data_prep.text_blocks import Block, Opened, blocks_of
from data_prep.text_column import TextColumn

DELIMITERS = ("\t", ",", ";", "|", "::", " ")
STAND_IN = "\x1f"  # for a delimiter of several characters: pandas' fast reader takes one only
CHUNK = 1 << 23
Convert = Callable[[Any, Callable[[int], int]], np.ndarray]  # (pandas Series, row -> line) -> [rows]


class Delimited:
    """A table in delimited text, read in blocks of lines."""

    def __init__(
        self, content: bytes | Opened, file: str, names: list[str] | None = None, delimiter: str | None = None
    ):
        """names: of all columns, for a file without a header. Raises UserError naming file, line and text."""
        self.file, self._content, self._has_header = file, content, not names
        first_blocks = blocks_of(content, file)
        begin = next(first_blocks).text
        head = head_of(begin)
        self._long_delimiter = None
        delimiter = delimiter or sniff(head)
        if len(delimiter) > 1:
            self._long_delimiter = delimiter.encode()
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
        if not names and b"\n" not in begin and next(first_blocks, None) is None:
            raise UserError(f"{file} has a header and no rows.")
        self.names = names or [name.strip() for name in first]

    def line_of(self, row: int) -> int:
        return row + 1 + self._has_header

    def read(self, texts: Sequence[int], values: Mapping[int, Convert] | None = None) -> dict[int, Any]:
        """Columns by place: Texts, exactly as written, and what `values` makes of others.

        values: a function for each place, from a pandas Series of numbers, or of whatever pandas finds, and the line of
        each of its rows to an array. It is called for one block after another.
        """
        values = values or {}
        columns: dict[int, TextColumn] = {place: TextColumn() for place in texts}
        made: dict[int, list[np.ndarray]] = {place: [] for place in values}
        for text, first in self._blocks():
            found = self._read_block(text, first, columns, values)
            for place, convert in values.items():
                made[place].append(convert(found[place], first.__add__))
            for place, column in columns.items():
                column.add(found[place])
        arrays = {place: np.concatenate(made.pop(place)) for place in values}
        return arrays | {place: columns.pop(place).texts() for place in list(columns)}

    def _blocks(self) -> Iterator[Block]:
        """Without the header."""
        for text, first in blocks_of(self._content, self.file):
            if self._long_delimiter:
                text = text.replace(self._long_delimiter, STAND_IN.encode())
            if first == 1 and self._has_header:
                _, line_end, text = text.partition(b"\n")
                first = 2
                if not line_end:
                    continue
            yield Block(text, first)

    def _read_block(self, text: bytes, first: int, texts: Iterable[int], values: Iterable[int]) -> dict[int, Any]:
        """By place: texts as int64 (plain decimals) or Texts, values as pandas Series. Every line is checked to have as
        many cells as there are columns.

        A column that begins with a whole number is read as numbers, many times faster, and again as it is written
        unless all of them turn out to be plain decimals.
        """
        lengths, tried = self._lengths(text, first), set()
        if lengths:
            cells = text[: (text + b"\n").index(b"\n")].decode().split(self._delimiter)
            tried = {place for place in texts if plain_number(cells[place]) is not None}
        found = self._parse(text, {*texts, *values}, dict.fromkeys({*texts} - tried, object))
        plain = {place: _plain_numbers(found[place], lengths[place]) for place in tried}
        again = {place for place, column in plain.items() if column is None}
        found |= self._parse(text, again, dict.fromkeys(again, object)) if again else {}
        written = {place: as_texts(found[place]) for place in texts if plain.get(place) is None}
        return found | plain | written

    def _lengths(self, text: bytes, first: int) -> list[int]:
        """The bytes of all cells of each column together; empty where there are quotation marks."""
        if b'"' in text:
            self._check_quoted(text, first)
            return []
        lengths = _lengths_of_columns(text, self._delimiter, len(self.names))
        if lengths is None:
            for number, line in enumerate(text.decode().split("\n"), first):
                got = line.count(self._delimiter) + 1
                if not line.strip() or got != len(self.names):
                    raise self._misshapen(number, line, got)
        return lengths or []

    def _parse(self, text: bytes, places: set[int], types: dict[int, type]) -> dict[int, Any]:
        import pandas as pd

        try:
            frame = pd.read_csv(
                io.BytesIO(text),
                sep=self._delimiter,
                header=None,
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

    def _check_quoted(self, text: bytes, first: int) -> None:
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=self._delimiter)
        try:
            for row in reader:
                if len(row) != len(self.names):
                    raise self._misshapen(first + reader.line_num - 1, self._delimiter.join(row), len(row))
        except csv.Error as error:
            line = first + reader.line_num - 1
            raise UserError(f"{self.file}, line {line}: {error}. Mend the line.") from None

    def _misshapen(self, number: int, line: str, got: int) -> UserError:
        where, shown = f"{self.file}, line {number}: ", line.replace(STAND_IN, "::")[:80]
        if not shown.strip():
            return UserError(f"{where}the line is empty. Delete it.")
        return UserError(f"{where}{len(self.names)} columns are expected, received {got}: {shown!r}.")


def head_of(content: bytes) -> list[str]:
    """The first lines, 20 at most."""
    return content[: 1 << 20].decode("utf-8", "replace").split("\n")[:20]


def sniff(head: list[str]) -> str:
    """The first delimiter that cuts all the lines into the same number of columns, two at least."""
    for delimiter in DELIMITERS:
        if head[0].count(delimiter) and len({line.count(delimiter) for line in head}) == 1:
            return delimiter
    return max(DELIMITERS, key=head[0].count)


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


def _plain_numbers(column: Any, length: int) -> np.ndarray | None:
    """A column that was read as int64, unless one of its cells is written in another way than its number.

    Every other way (007, +7, " 7") is longer, so it is enough to compare the lengths of all cells together.
    length: of the cells as written, in bytes.
    """
    if column.dtype != np.int64:
        return None
    numbers = column.to_numpy()
    digits = len(numbers) + np.count_nonzero(numbers < 0)
    digits += sum(int(np.count_nonzero(np.abs(numbers) >= 10**k)) for k in range(1, 19))
    return numbers if digits == length else None


def as_texts(column: Any) -> Texts:
    """Of a pandas Series of str, where an empty cell is missing."""
    import pandas as pd

    codes, values = pd.factorize(np.asarray(column))
    return Texts(codes.astype(np.int32), np.asarray(values, object))
