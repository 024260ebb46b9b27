"""Requests to forget: read from a file, matched with the data, kept in the run until they are carried out.

A file is a CSV with raw ids under the header `user,item` (pairs, in all behaviours), `user`
(all data of users) or `item` (all data of items). While a request is pending,
RUN/requests/<id>.json holds its rows in clear.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.data.dataset import Dataset
from recsys_cli.unlearning.restrict import matrices

Content = tuple[str, list[tuple[str, ...]]]  # kind and distinct rows, sorted, of a file to forget
KINDS = {("user", "item"): "pairs", ("user",): "users", ("item",): "items"}
FOLDER = "requests"


class Request(NamedTuple):
    """rows: distinct raw ids as text, (user, item) or (id,). commitment: see ledger.py."""

    id: str
    kind: str
    rows: list[tuple[str, ...]]
    commitment: str
    asked: str

    def entry(self, **counts: int) -> dict:
        """For the ledger: nothing of its rows."""
        return {
            "id": self.id,
            "kind": self.kind,
            "rows": len(self.rows),
            "commitment": self.commitment,
            "asked": self.asked,
            **counts,
        }


class Selection(NamedTuple):
    """What is to go, ascending: whole users and items by id, single pairs by user * n_items + item."""

    users: np.ndarray
    items: np.ndarray
    keys: np.ndarray


def read_rows(path: str | Path) -> Content:
    how = "Its first line must be user,item (pairs), user (all data of users) or item (all data of items)."
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, skipinitialspace=True, strict=True)
            lines = [(reader.line_num, [field.strip() for field in fields]) for fields in reader if fields]
        if any("\0" in field for _, fields in lines for field in fields):  # NumPy drops it from the end of an id
            raise ValueError("line contains NUL")
    except FileNotFoundError:
        raise UserError(f"forget={path}: there is no such file.") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"forget={path} cannot be read as CSV: {error}. {how}") from None
    if not lines:
        raise UserError(f"forget={path} is empty: nothing to forget. {how}")
    (_, columns), *lines = lines
    kind = KINDS.get(tuple(sorted(columns, reverse=True)))
    if kind is None:
        raise UserError(f"forget={path} has the columns {', '.join(columns)}. {how}")
    if odd := [(number, fields) for number, fields in lines if len(fields) != len(columns)]:
        number, fields = odd[0]
        raise UserError(
            f"forget={path}, line {number}: {len(fields)} fields ({','.join(fields)[:60]}) under the "
            f"{len(columns)} of the header {','.join(columns)}; give every row as many."
        )
    if not lines:
        raise UserError(f"forget={path} has a header and no rows: nothing to forget.")
    if blank := sum("" in fields for _, fields in lines):
        raise UserError(f"forget={path}: {blank} of its rows lack an id.")
    step = 1 if columns == sorted(columns, reverse=True) else -1  # item,user
    return kind, sorted({tuple(fields[::step]) for _, fields in lines})


def together(contents: Sequence[Content]) -> list[Content]:
    """One of each kind, to be looked for in one go."""
    found: dict[str, set] = {}
    for kind, rows in contents:
        found.setdefault(kind, set()).update(rows)
    return [(kind, sorted(rows)) for kind, rows in found.items()]


def commitment(key: str, kind: str, rows: Sequence[tuple[str, ...]]) -> str:
    return hmac.new(key.encode(), json.dumps([kind, sorted(rows)]).encode(), hashlib.sha256).hexdigest()


def new_request(kind: str, rows: list[tuple[str, ...]], asked: list[tuple[str, ...]]) -> tuple[Request, str]:
    """The request and its receipt, which is kept nowhere. rows: of those asked for, the ones in the data."""
    receipt = secrets.token_hex(16)
    return Request(
        secrets.token_hex(8), kind, rows, commitment(receipt, kind, asked), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    ), receipt


def unknown_rows(kind: str, rows: Sequence[tuple[str, ...]], dataset: Dataset) -> np.ndarray:
    """bool [rows]: which the data set has neither in training nor held out."""
    users, items = _internal(kind, rows, dataset)
    if kind != "pairs":
        return (users if kind == "users" else items) < 0
    here = (users >= 0) & (items >= 0)
    found = np.zeros(len(rows), bool)
    for matrix in matrices(dataset):
        found |= matrix.contains(np.maximum(users, 0), np.maximum(items, 0))
    return ~(found & here)


def select(requests: Sequence[Request], dataset: Dataset) -> Selection:
    """What the requests name together; rows that are not in the data any more are passed over."""
    users, items, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for request in requests:
        u, i = _internal(request.kind, request.rows, dataset)
        if request.kind == "pairs":
            known = (u >= 0) & (i >= 0)
            keys.append(u[known] * dataset.n_items + i[known])
        else:
            (users if request.kind == "users" else items).append(u if request.kind == "users" else i)
    return Selection(*(np.unique(ids[ids >= 0]) for ids in map(np.concatenate, (users, items, keys))))


def pending(run: Path) -> list[Request]:
    """In the order in which they were asked."""
    found = [read_request(file) for file in (run / FOLDER).glob("*.json")]
    return sorted(found, key=lambda request: (request.asked, request.id))


def read_request(file: Path) -> Request:
    try:
        content = json.loads(file.read_text())
        return Request(**{**content, "rows": [tuple(row) for row in content["rows"]]})
    except (OSError, ValueError, TypeError, KeyError):
        raise UserError(
            f"{file} is damaged, and what it asked for is unknown: remove it, or all pending requests "
            "with discard=true, and ask again."
        ) from None


def keep_pending(run: Path, request: Request) -> None:
    (run / FOLDER).mkdir(exist_ok=True)
    write_file(run / FOLDER / f"{request.id}.json", json.dumps(request._asdict()).encode())


def drop_pending(run: Path, ids: set[str] | None = None) -> int:
    """Removes these requests, or all, and files half written; returns how many requests there were."""
    files = [file for file in (run / FOLDER).glob("*.json") if ids is None or file.stem in ids]
    for file in [*(run / FOLDER).glob("*.partial"), *files]:
        file.unlink()
    return len(files)


def _internal(kind: str, rows: Sequence[tuple[str, ...]], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """int64 [rows] each, -1 for an id that the data set does not have, or that the kind does not name."""
    columns = dict(zip({"pairs": ("user", "item"), "users": ("user",), "items": ("item",)}[kind], zip(*rows)))
    nothing = np.full(len(rows), -1, np.int64)
    return tuple(
        _places(columns[side], ids) if side in columns else nothing
        for side, ids in (("user", dataset.user_ids), ("item", dataset.item_ids))
    )


def _places(raw: Sequence[str], ids: np.ndarray) -> np.ndarray:
    texts = np.asarray(ids).astype(str)
    order = np.argsort(texts)
    wanted = np.asarray(raw, dtype=str)
    found = order[np.minimum(np.searchsorted(texts, wanted, sorter=order), len(texts) - 1)]
    return np.where(texts[found] == wanted, found, -1)
