"""Whether a place has any of the rows that a request names."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_prep.entries import is_folder
from data_prep.errors import UserError
from data_prep.ids import places
from recsys_cli.data.dataset import Dataset
from recsys_cli.datamap.inside import LEFT
from recsys_cli.datamap.places import Place
from recsys_cli.evaluation.summary import load_per_user
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.matching import unknown_rows
from recsys_cli.unlearning.search import may_hold


def looked_up(found: list[Place], content: Content, dataset: Dataset | None) -> list[Place]:
    """dataset: that of the current state of the run; None for a run that cannot forget.

    Where a place has users or items but no pairs, single pairs cannot be looked up in it.
    """
    return [place._replace(named=_named(place, content, dataset)) for place in found]


def _named(place: Place, content: Content, dataset: Dataset | None) -> bool | None:
    kind, rows = content
    name = place.path.name
    if place.what == LEFT and dataset is not None:
        return not unknown_rows(kind, rows, dataset).all()
    if "prepared copy" in place.what:
        return may_hold(place.path, [content])
    if name.endswith("_per_user.npz"):
        return _guarded(lambda: _among(load_per_user(place.path)[0], content))
    if name.endswith(".npz") and "exported" in place.what:
        return _guarded(lambda: _in_archive(place.path, content))
    if "pending" in place.what and name.endswith(".json"):
        return _guarded(lambda: _in_request(place.path, content))
    if name.endswith(".csv") and not is_folder(place.path):
        return _guarded(lambda: _in_table(place.path, content))
    return None


def _guarded(look: Callable[[], bool | None]) -> bool | None:
    """None where the file cannot be read."""
    try:
        return look()
    except (OSError, ValueError, LookupError, TypeError, UserError, csv.Error):
        return None


def _among(users: np.ndarray, content: Content) -> bool | None:
    kind, rows = content
    return bool((places([row[0] for row in rows], users) >= 0).any()) if kind == "users" else None


def _in_archive(file: Path, content: Content) -> bool | None:
    kind, rows = content
    if kind == "pairs":
        return None
    with np.load(file, allow_pickle=False) as archive:
        ids = archive["item_ids" if kind == "items" else "user_ids"]
    return bool((places([row[0] for row in rows], ids) >= 0).any())


def _in_request(file: Path, content: Content) -> bool:
    kind, rows = content
    asked = json.loads(file.read_text())["request"]
    return asked["kind"] == kind and bool(set(map(tuple, asked["rows"])) & set(rows))


def _in_table(file: Path, content: Content) -> bool | None:
    kind, rows = content
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        columns = {"pairs": ("user", "item"), "users": ("user",), "items": ("item",)}[kind]
        if not set(columns) <= set(reader.fieldnames or []):
            return None
        wanted = set(rows)
        return any(tuple(line[name] for name in columns) in wanted for line in reader)
