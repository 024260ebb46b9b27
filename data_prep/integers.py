"""Text files of whole numbers, one record a line: read in a few vectorised passes.

The fast path only notices that something is wrong; a slow second pass then finds the line and says what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError

MAX_DIGITS = 18  # longer numbers overflow int64


@dataclass(frozen=True)
class Integers:
    """values: int64 [tokens], in file order; lengths: int64 [lines], tokens a line; first_line: from 1."""

    values: np.ndarray
    lengths: np.ndarray
    first_line: int

    def table(self) -> np.ndarray:
        """int64 [lines, columns], for files whose lines are equally long."""
        return self.values.reshape(len(self.lengths), -1)

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lines `a b b b` as pairs: a int64 [n], b int64 [n], line number int64 [n]."""
        starts = np.cumsum(self.lengths) - self.lengths
        is_item = np.ones(len(self.values), bool)
        is_item[starts] = False
        count = self.lengths - 1
        line = np.arange(self.first_line, self.first_line + len(count))
        return np.repeat(self.values[starts], count), self.values[is_item], np.repeat(line, count)


def read_integers(
    content: bytes, file: str, *, separators: str = " \t", columns: int | None = None, header: bool = False
) -> Integers:
    """Reads lines of whole, non-negative numbers.

    separators: the characters between numbers; columns: how many numbers each line has (None: one or more).
    Raises UserError with file, line number and text for anything else.
    """
    first_line = 1
    if header:
        first_line = 2
        head, _, content = content.partition(b"\n")
        if re.fullmatch(rb"[\d\s,]*", head):
            raise UserError(f"{file}, line 1: a header is expected, received {_shown(head)}. Add it.")
    if not content.strip():
        raise UserError(f"{file} has no data: {len(content)} bytes. Fetch the file again.")
    allowed = separators.encode() + b"\r\n"
    if content.translate(None, b"0123456789" + allowed):
        _refuse(content, file, separators, columns, first_line)
    blank = content.translate(bytes.maketrans(allowed, b" " * len(allowed)))
    is_digit = np.frombuffer(blank, np.uint8) != ord(" ")
    edge = np.flatnonzero(np.diff(is_digit, prepend=False, append=False))
    starts, ends = edge[::2], edge[1::2]
    newlines = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n"))
    if not content.endswith(b"\n"):
        newlines = np.append(newlines, len(content))
    lengths = np.diff(np.searchsorted(starts, newlines), prepend=0)
    wrong = lengths != columns if columns else lengths == 0
    if wrong.any() or (ends - starts).max() > MAX_DIGITS:
        _refuse(content, file, separators, columns, first_line)
    return Integers(np.fromstring(blank, np.int64, sep=" "), lengths, first_line)


def _refuse(content: bytes, file: str, separators: str, columns: int | None, first_line: int) -> None:
    for number, line in enumerate(content.split(b"\n"), first_line):
        text = line.decode("utf-8", "replace").strip("\r")
        tokens = [token for token in re.split(f"[{re.escape(separators)}]+", text.strip()) if token]
        where, shown = f"{file}, line {number}: ", _shown(line)
        for token in tokens:
            if re.fullmatch(r"-\d+", token):
                raise UserError(f"{where}negative id {token} in {shown}. Ids start at 0.")
            if not re.fullmatch(r"[0-9]+", token):
                raise UserError(f"{where}{token[:40]!r} is not a whole number in {shown}. Mend the line.")
            if len(token) > MAX_DIGITS:
                raise UserError(f"{where}{token[:40]} has over {MAX_DIGITS} digits in {shown}.")
        if not tokens:
            raise UserError(f"{where}the line is empty. Delete it.")
        if columns and len(tokens) != columns:
            raise UserError(f"{where}{columns} columns are expected, received {len(tokens)}: {shown}.")
    raise AssertionError(f"{file}: refused without a faulty line")


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip("\r")
    return repr(text if len(text) <= 80 else text[:77] + "...")
