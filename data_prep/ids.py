"""Ids as people write them, and the one way in which they are looked up.

An id is text and is compared letter by letter: 7, 007 and 7.0 are three ids. Ids are numbers only where a source
declares them: files of whole numbers, a column of whole numbers in Parquet, a source whose ids are 0..n-1. A number
has one spelling, the plain decimal one: 7 finds it, 007 and 7.0 do not.

An id is not empty, has no NUL, no line break and no white space at its ends: wherever ids are read, others are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeGuard

import numpy as np

MAX_LENGTH = 1000  # id arrays are as wide as the longest
_PLAIN_DECIMAL = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Texts:
    """A column of texts: codes int32 [n] into values, object [m] of distinct str; -1 is an empty cell.

    plain: whether it is known already that all values are plain decimals.
    """

    codes: np.ndarray
    values: np.ndarray
    plain: bool = False

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        return "" if self.codes[row] < 0 else self.values[self.codes[row]]

    @classmethod
    def of(cls, column: Texts | np.ndarray) -> Texts:
        """Numbers in their plain decimal spelling."""
        if isinstance(column, Texts):
            return column
        import pandas as pd

        codes, numbers = pd.factorize(column)
        return cls(codes.astype(np.int32), np.array(list(map(str, numbers.tolist())), object), plain=True)


def are_numbers(ids: object) -> TypeGuard[np.ndarray]:
    """Whether these are ids that a source declares to be whole numbers."""
    return isinstance(ids, np.ndarray) and ids.dtype.kind in "iu"


def is_faulty(text: str) -> bool:
    breaks = not text.isprintable() and any(mark in text for mark in "\0\n\r")
    return not text or text != text.strip() or len(text) > MAX_LENGTH or breaks


def fault(text: str) -> str | None:
    """Why a text cannot be an id, to follow "the id ..."; None where it can."""
    if not is_faulty(text):
        return None
    if not text:
        return "is empty"
    if "\0" in text:
        return "has a NUL in it"
    if "\n" in text or "\r" in text:
        return "has a line break in it, and lists of ids have one a line"
    if text != text.strip():
        return "begins or ends with white space, and ids are taken as they are written"
    return f"has over {MAX_LENGTH} characters"


def places(raw: Sequence[str] | np.ndarray | Texts, ids: np.ndarray) -> np.ndarray:
    """int64 [n]: the place of every raw id in `ids`, -1 where it is not one of them.

    raw: texts as written, or whole numbers, each of which is its plain decimal spelling. ids: distinct, [m], of text
    (compared letter by letter) or of whole numbers (found by a number, or by its plain decimal spelling only).
    """
    if isinstance(raw, Texts):
        found = np.append(places(raw.values, ids), -1)
        return found[raw.codes]
    if not len(ids):
        return np.full(len(raw), -1, np.int64)
    if ids.dtype.kind not in "iu":
        known = {text: place for place, text in enumerate(ids.tolist())}
        return np.array([known.get(text, -1) for text in _texts(raw)], np.int64)
    if are_numbers(raw):
        return _places_of_numbers(raw, ids)
    found = np.full(len(raw), -1, np.int64)
    numbers = {row: number for row, text in enumerate(_texts(raw)) if (number := plain_number(text)) is not None}
    found[list(numbers)] = _places_of_numbers(np.array(list(numbers.values()), np.int64), ids)
    return found


def numbered(columns: Sequence[Texts | np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """(codes int32 of every column, the ids they stand for): the distinct ids of all columns, ascending.

    The ids are numbers where all columns are, else text in the order of its letters. -1 stands for an empty cell.
    """
    numbers = [column for column in columns if are_numbers(column)]
    if len(numbers) == len(columns):
        import pandas as pd

        codes, ids = pd.factorize(np.concatenate(numbers), sort=True)
        ends = np.cumsum([len(column) for column in columns])[:-1]
        return np.split(codes.astype(np.int32), ends), np.asarray(ids)
    texts = [Texts.of(column) for column in columns]
    used = [column.values[np.bincount(column.codes + 1, minlength=len(column.values) + 1)[1:] > 0] for column in texts]
    ids = sorted(set().union(*(values.tolist() for values in used)))
    place = dict(zip(ids, range(len(ids)), strict=True))
    new = [np.array([*map(place.get, column.values.tolist(), repeat(-1)), -1], np.int32) for column in texts]
    return [table[column.codes] for table, column in zip(new, texts, strict=True)], np.array(ids, np.str_)


def plain_number(text: str) -> int | None:
    """The whole number that has this as its one spelling, if there is one in 64 bits."""
    number = int(text) if _PLAIN_DECIMAL.fullmatch(text) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _texts(raw: Sequence[str] | np.ndarray) -> list[str]:
    return [str(value) for value in (raw.tolist() if isinstance(raw, np.ndarray) else raw)]


def _places_of_numbers(numbers: np.ndarray, ids: np.ndarray) -> np.ndarray:
    order = np.argsort(ids)
    place = order[np.minimum(np.searchsorted(ids, numbers, sorter=order), len(ids) - 1)]
    return np.where(ids[place] == numbers, place, -1)
