"""Looks for forgotten rows in files of any origin, strictly.

Prepared data sets are compared as pairs of ids. In text (plain or gzip), a row is found where a line names
its user and its item anywhere, a user or an item where a line names it anywhere; a JSON or YAML document
counts as one line. In arrays, a row is found in any two columns of the same length. What cannot be read so
(other binary files, damaged ones, vectors, links) is named.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from data_prep.errors import UserError
from data_prep.store import MANIFEST, read_manifest
from recsys_cli.data.load import load_prepared
from recsys_cli.unlearning.requests import unknown_rows

# What reading a file with any other content than expected may raise.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, BadZipFile, zlib.error, UserError)
DOCUMENTS = (".json", ".yaml", ".yml")
TOKEN = re.compile(r"[^\s,;|:\"'\[\](){}<>=&/\\]+")
MOST_COLUMNS = 16  # of a table; a wider array is a matrix


class Found(NamedTuple):
    """holding: files with a forgotten row. unread: files that cannot be searched."""

    holding: list[Path]
    unread: list[Path]


class Wanted:
    """Rows of a request, by what has to be named beside each other.

    by_first: for pairs the items of every user; otherwise nothing beside each id.
    """

    def __init__(self, kind: str, rows: Sequence[tuple[str, ...]]):
        self.kind, self.rows = kind, list(rows)
        self.by_first: dict[str, set[str]] = {}
        for first, *rest in rows:
            self.by_first.setdefault(first, set()).update(rest)
        self.firsts = np.array(list(self.by_first), dtype=str)
        self.odd = {name for row in rows for name in row if TOKEN.findall(name) != [name]}

    def in_line(self, line: str) -> bool:
        words = TOKEN.findall(line)
        words += [word[:-2] for word in words if word.endswith(".0")]  # an id that went through a float
        words += [name for name in self.odd if name in line]
        named = set(words)
        for first in named & self.by_first.keys():
            beside = self.by_first[first]
            twice = first in beside and words.count(first) > 1
            if self.kind != "pairs" or twice or beside & (named - {first}):
                return True
        return False

    def in_columns(self, one: np.ndarray, other: np.ndarray) -> bool:
        """Whether a row stands in two columns, in either order."""
        for users, items in ((one, other), (other, one)):
            here = np.flatnonzero(np.isin(users, self.firsts))
            if any(item in self.by_first[user] for user, item in zip(users[here], items[here])):
                return True
        return False


def search(root: Path, kind: str, rows: Sequence[tuple[str, ...]], skip: Collection[Path] = ()) -> Found:
    """kind, rows: as in a request. root: a folder or a file. skip: files that need no search."""
    found, wanted, skip = Found([], []), Wanted(kind, rows), set(skip)
    files = list(all_files(root)) if root.is_dir() else [root]
    for folder in sorted({file.parent for file in files if file.name == MANIFEST}):
        try:
            if rows and not unknown_rows(kind, wanted.rows, load_prepared(folder)).all():
                found.holding.append(folder)
            listed = read_manifest(folder)["arrays"].values()
            skip |= {folder / MANIFEST, *(folder / entry["file"] for entry in listed)}
        except UNREADABLE:
            found.unread.append(folder)
    for file in files:
        if file in skip:
            continue
        try:
            holds = None if file.is_symlink() and file != root else _holds(file, wanted, skip)
        except UNREADABLE:
            holds = None
        if holds is None:
            found.unread.append(file)
        elif holds:
            found.holding.append(file)
    return found


def all_files(root: Path) -> Iterator[Path]:
    """Files and symbolic links, in order of their names, and folders that cannot be opened."""
    closed: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=lambda error: closed.append(Path(error.filename))):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted(names + links))
        folders.sort()
    yield from closed


def _holds(file: Path, wanted: Wanted, skip: set[Path]) -> bool | None:
    """None where the file cannot be read in full and nothing is found in the rest."""
    packed = file.suffix == ".gz"
    suffix = Path(file.stem).suffix if packed else file.suffix
    with (gzip.open if packed else open)(file, "rb") as stream:
        if suffix == ".npz":
            with np.load(io.BytesIO(stream.read()), allow_pickle=False) as archive:
                return _arrays_hold(dict(archive), wanted)
        if suffix == ".npy":  # beside it may lie the other column, or the ids of a matrix
            beside = {
                other.stem: np.load(other, allow_pickle=False)
                for other in sorted(file.parent.glob("*.npy"))
                if other not in skip
            }
            return _arrays_hold(beside | {file.stem: np.load(io.BytesIO(stream.read()), allow_pickle=False)}, wanted)
        lines = [stream.read()] if suffix in DOCUMENTS else stream
        found = [wanted.in_line(_text(line)) for line in lines]  # all of them: a damaged end must be seen
        return any(found)


def _text(line: bytes) -> str:
    """Raises ValueError for what is no text. JSON without its escapes."""
    text = line.decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("binary")
    if "\\u" in text and text.lstrip()[:1] in ("{", "["):
        return json.dumps(json.loads(text), ensure_ascii=False)
    return text


def _arrays_hold(arrays: Mapping[str, np.ndarray], wanted: Wanted) -> bool | None:
    columns = list(_columns(arrays))
    known = [column for column in columns if column is not None]
    if wanted.kind == "pairs":
        holds = any(wanted.in_columns(one, other) for one, other in combinations(known, 2) if len(one) == len(other))
    else:
        holds = any(np.isin(column, wanted.firsts).any() for column in known)
    return True if holds else None if len(known) < len(columns) else False


def _columns(arrays: Mapping[str, np.ndarray]) -> Iterator[np.ndarray | None]:
    """Columns of texts; None for an array of which nobody knows what it says of whom."""
    for name, array in arrays.items():
        if name.endswith("indptr"):
            yield from _raw_pairs(arrays, name.removesuffix("indptr"))
        elif name.endswith("indices") and name.removesuffix("indices") + "indptr" in arrays:
            continue
        elif (
            (array.dtype.kind == "f" and not (array == np.floor(array)).all())
            or array.dtype.kind not in "iuUSf"
            or array.ndim > 2
            or array.shape[1:] > (MOST_COLUMNS,)
        ):
            yield None
        else:
            whole = array.astype(np.int64) if array.dtype.kind == "f" else array
            yield from np.atleast_2d(whole.T).astype(str)


def _raw_pairs(arrays: Mapping[str, np.ndarray], name: str) -> Iterator[np.ndarray | None]:
    """Raw users and items of a CSR matrix, where their ids are beside it."""
    parts = [arrays.get(part) for part in (name + "indptr", name + "indices", "user_ids", "item_ids")]
    if any(part is None for part in parts):
        yield None
        return
    starts, indices, users, items = parts
    yield np.repeat(users.astype(str), np.diff(starts))
    yield items.astype(str)[indices]
