"""Looks for forgotten rows in every file under a folder.

Prepared data sets and arrays are compared as pairs of ids. In text, a row is found where the two ids stand
side by side, or where a line begins with the user and holds the item; a whole user where a line begins with
the id. Other binary files cannot be read and are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from data_prep.errors import UserError
from data_prep.store import MANIFEST
from recsys_cli.data.load import load_prepared
from recsys_cli.unlearning.requests import unknown_rows

TEXT = {".json", ".jsonl", ".yaml", ".csv", ".tsv", ".txt", ".log", ".sha256", ".partial", ""}
TOKEN = re.compile(r"[^\s,;:\"'\[\](){}=]+")


class Found(NamedTuple):
    """holding: files with a forgotten row. unread: files that cannot be searched."""

    holding: list[Path]
    unread: list[Path]


def search(root: Path, kind: str, rows: Sequence[tuple[str, ...]]) -> Found:
    """kind, rows: as in a request."""
    found, data_sets = Found([], []), {file.parent for file in root.rglob(MANIFEST)}
    wanted = set(rows)
    for folder in sorted(data_sets):
        try:
            if not unknown_rows(kind, list(rows), load_prepared(folder)).all():
                found.holding.append(folder)
        except UserError:
            found.unread.append(folder)
    for file in sorted(root.rglob("*")):
        if file.is_symlink() or not file.is_file() or file.parent in data_sets:
            continue
        if file.suffix in (".npz", ".npy"):
            holds = _array_holds(file, kind, wanted)
        elif file.suffix in TEXT:
            holds = any(_line_holds(line, kind, wanted)
                        for line in file.read_text(errors="replace").splitlines())
        else:
            holds = None
        if holds is None:
            found.unread.append(file)
        elif holds:
            found.holding.append(file)
    return found


def _line_holds(line: str, kind: str, wanted: set[tuple[str, ...]]) -> bool:
    words = TOKEN.findall(line)
    if not words:
        return False
    if kind != "pairs":
        return (words[0],) in wanted
    return (any(pair in wanted for pair in zip(words, words[1:]))
            or any((words[0], word) in wanted for word in words[1:]))


def _array_holds(file: Path, kind: str, wanted: set[tuple[str, ...]]) -> bool | None:
    """Pairs: in two columns or in two arrays of the same length; users or items: in lists of raw ids."""
    try:
        loaded = np.load(file, allow_pickle=False)
        arrays = {file.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (OSError, ValueError, EOFError, BadZipFile):
        return None
    arrays = {name: array for name, array in arrays.items() if array.dtype.kind in "iuU"}
    if kind != "pairs":
        lists = [a for name, a in arrays.items() if name == f"{kind[:-1]}_ids" and a.ndim == 1]
        return any((text,) in wanted for ids in lists for text in ids.astype(str))
    return any(pair in wanted for columns in _columns(arrays)
               for pair in zip(*(c.astype(str) for c in columns)))


def _columns(arrays: dict[str, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for name, array in arrays.items():
        if array.ndim == 2 and array.shape[1] == 2:
            yield array[:, 0], array[:, 1]
        if array.ndim == 1:
            yield from ((array, other) for second, other in arrays.items()
                        if second != name and other.ndim == 1 and len(other) == len(array))
