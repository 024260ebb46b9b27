"""Raw ids of a request against the data: which rows are there, and what was perhaps meant where one is not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.ids import places
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.forget_file import COLUMNS, Content, Row
from recsys_cli.unlearning.restrict import among, matrices

NAMED = 3  # rows that a message gives as examples


class Selection(NamedTuple):
    """What is to go, ascending: whole users and items by id, single pairs by user * n_items + item."""

    users: np.ndarray
    items: np.ndarray
    keys: np.ndarray

    def of(self, matrix: CSR) -> np.ndarray:
        """bool [nnz]: which pairs of a matrix go."""
        whole = np.isin(matrix.rows, self.users) | np.isin(matrix.indices, self.items)
        return whole | among(matrix.keys, self.keys)


class Match(NamedTuple):
    """The rows of a file by whether the data has them, in training or held out. hints: of unmatched ones."""

    kind: str
    matched: list[Row]
    unmatched: list[Row]
    hints: list[str]

    @property
    def n_rows(self) -> int:
        return len(self.matched) + len(self.unmatched)

    def sentence(self) -> str:
        """About the rows that are not there."""
        return (
            f"{len(self.unmatched):,} of {self.n_rows:,} {self.kind} matched nothing in the data of the run, "
            f"such as {'; '.join(self.hints)}"
        )


def match(content: Content, dataset: Dataset) -> Match:
    kind, rows = content
    unknown = unknown_rows(kind, rows, dataset)
    missing = [row for row, is_unknown in zip(rows, unknown) if is_unknown]
    near = {side: _by_folded(_ids(dataset, side)) for side in COLUMNS[kind]} if missing else {}
    hints = [_named(row, kind, near) for row in missing[:NAMED]]
    return Match(kind, [row for row, is_unknown in zip(rows, unknown) if not is_unknown], missing, hints)


def unknown_rows(kind: str, rows: Sequence[Row], dataset: Dataset) -> np.ndarray:
    """bool [rows]: which the data set has neither in training nor held out."""
    users, items = _internal(kind, rows, dataset)
    if kind != "pairs":
        return (users if kind == "users" else items) < 0
    here = (users >= 0) & (items >= 0)
    found = np.zeros(len(rows), bool)
    for matrix in matrices(dataset):
        found |= matrix.contains(np.maximum(users, 0), np.maximum(items, 0))
    return ~(found & here)


def select(contents: Iterable[Content], dataset: Dataset) -> Selection:
    """What the rows name together; those that are not in the data are passed over."""
    users, items, keys = ([np.zeros(0, np.int64)] for _ in range(3))
    for kind, rows in contents:
        u, i = _internal(kind, rows, dataset)
        if kind == "pairs":
            known = (u >= 0) & (i >= 0)
            keys.append(u[known] * dataset.n_items + i[known])
        else:
            (users if kind == "users" else items).append(u if kind == "users" else i)
    return Selection(*(np.unique(ids[ids >= 0]) for ids in map(np.concatenate, (users, items, keys))))


def _ids(dataset: Dataset, side: str) -> np.ndarray:
    ids = dataset.user_ids if side == "user" else dataset.item_ids
    assert ids is not None  # every prepared data set has them
    return ids


def _internal(kind: str, rows: Sequence[Row], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """int64 [rows] each, -1 for an id that the data set does not have, or that the kind does not name."""
    columns = dict(zip(COLUMNS[kind], zip(*rows)))
    nothing = np.full(len(rows), -1, np.int64)
    users, items = (
        places(columns[side], _ids(dataset, side)) if side in columns else nothing for side in ("user", "item")
    )
    return users, items


def _named(row: Row, kind: str, near: dict[str, dict[str, str]]) -> str:
    """The row, with the ids that it may have meant."""
    meant = [near[side].get(_folded(name), name) for side, name in zip(COLUMNS[kind], row)]
    hint = f" (the data has {','.join(meant)})" if tuple(meant) != row else ""
    return ",".join(name if name.isprintable() else ascii(name) for name in row)[:60] + hint


def _by_folded(ids: np.ndarray) -> dict[str, str]:
    return {_folded(str(raw)): str(raw) for raw in ids.tolist()}


def _folded(name: str) -> str:
    """Without what people overlook: case, white space, invisible characters, leading zeros."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if unicodedata.category(c) not in ("Cc", "Cf", "Zs")).lstrip("0") or "0"
