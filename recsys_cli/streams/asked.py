"""Which requests a stream consists of, in the order in which they come, and which items are watched in the lists."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import places
from recsys_cli.data.dataset import Dataset
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.matching import unknown_rows

KINDS = ("random", "core", "edge", "sensitive", "spam")
NAMES = {"user": ("user", "uid", "user_id", "userId"), "item": ("item", "iid", "item_id", "itemId")}
MOST_BYTES = 1 << 30


class Stream(NamedTuple):
    """requests: each a kind and its rows of raw ids. watched: raw ids of items that all lists are searched for; None: of
    each user, what the user had forgotten. passed_over: rows of a file that are not in the data."""

    about: str
    requests: list[Content]
    watched: list[str] | None = None
    passed_over: int = 0


def asked(settings, dataset: Dataset) -> Stream:
    """settings: of the command. dataset: of the run. Raises UserError for a stream without requests."""
    kind, random = settings.requests, generator(settings.seed, "streams/requests")
    if kind not in KINDS:
        return _of_file(Path(kind).expanduser(), settings.unit, dataset)
    if kind == "sensitive":
        return _sensitive(settings, dataset, random)
    counts = dataset.target_train.row_lengths
    there = np.flatnonzero(counts)
    if settings.unit == "pair":
        if kind != "random":
            raise UserError(f"requests={kind} are whole users: leave out unit=pair, or take requests=random.")
        pairs = dataset.target_train
        chosen = random.permutation(pairs.nnz)[: _number(settings, pairs.nnz)]
        rows = [(str(dataset.user_ids[pairs.rows[p]]), str(dataset.item_ids[pairs.indices[p]])) for p in chosen]
        return Stream("single pairs drawn at random", [("pairs", [row]) for row in rows])
    n = _number(settings, len(there))
    if kind == "random":
        chosen, about = random.permutation(there)[:n], "whole users drawn at random"
    else:
        order = there[np.argsort(-counts[there] if kind == "core" else counts[there], kind="stable")]
        most = "most" if kind == "core" else "fewest"
        chosen, about = random.permutation(order[:n]), f"the users with the {most} training pairs, in random order"
    return Stream(about, [("users", [(str(dataset.user_ids[u]),)]) for u in chosen])


def items_of(path: str) -> list[str]:
    """Raw ids of the column `item` of a table."""
    columns = _table(Path(path).expanduser(), "items")
    if "item" not in columns:
        raise UserError(f"items={path} has no column item: it is a table with one item in each row.")
    return list(dict.fromkeys(columns["item"]))


def _number(settings, n: int) -> int:
    """How many of n."""
    wanted = settings.number if settings.number is not None else max(1, round(settings.share * n))
    if wanted > n:
        raise UserError(f"number={wanted} is more than the {n:,} that there are: take fewer.")
    return wanted


def _sensitive(settings, dataset: Dataset, random: np.random.Generator) -> Stream:
    """Users withdraw what they had of some items: one request each."""
    if settings.items is None:
        raise UserError(
            "requests=sensitive needs the items that users withdraw: items=FILE, a table with a column item of raw ids, "
            "such as those of one category."
        )
    wanted = items_of(settings.items)
    found = places(wanted, dataset.item_ids)
    pairs = dataset.target_train
    own = np.isin(pairs.indices, found[found >= 0])
    users = np.unique(pairs.rows[own])
    if not len(users):
        raise UserError(f"items={settings.items}: no user of the run has any of these {len(wanted):,} items.")
    requests: list[Content] = []
    for user in random.permutation(users)[: _number(settings, len(users))]:
        mine = np.intersect1d(pairs.row(user), found)
        name = str(dataset.user_ids[user])
        requests.append(("pairs", sorted((name, str(dataset.item_ids[i])) for i in mine)))
    return Stream(f"users who withdraw what they had of {len(wanted):,} items", requests, wanted)


def _of_file(path: Path, unit: str, dataset: Dataset) -> Stream:
    """One request for each distinct user, item or pair of a table, in the order of the rows."""
    columns = _table(path, "requests")
    kind: str
    rows: list[tuple[str, ...]]
    if unit == "user" and "user" in columns:
        kind, rows = "users", [(user,) for user in columns["user"]]
    elif {"user", "item"} <= columns.keys():
        kind, rows = "pairs", list(zip(columns["user"], columns["item"]))
    elif unit == "user" and "item" in columns:
        kind, rows = "items", [(item,) for item in columns["item"]]
    else:
        raise UserError(f"requests={path} has no columns user and item, which unit={unit} needs.")
    distinct = list(dict.fromkeys(rows))
    unknown = unknown_rows(kind, distinct, dataset)
    known = [row for row, missing in zip(distinct, unknown) if not missing]
    if not known:
        raise UserError(
            f"requests={path}: none of its {len(distinct):,} {kind} is in the data of the run; ids are compared exactly."
        )
    return Stream(f"{kind} of {path.name}", [(kind, [row]) for row in known], None, int(unknown.sum()))


def _table(path: Path, key: str) -> dict[str, list[str]]:
    """The columns `user` and `item` of a CSV file, by their usual names; also .gz. key: the setting, for messages."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            payload = stream.read(MOST_BYTES)
        rows = [row for row in csv.reader(payload.decode("utf-8-sig").splitlines(), strict=True) if row]
    except FileNotFoundError:
        kinds = f" ({', '.join(KINDS)}, or a file)" if key == "requests" else ""
        raise UserError(f"{key}={path}: there is no such file{kinds}.") from None
    except (OSError, ValueError, csv.Error, EOFError) as error:
        raise UserError(f"{key}={path} cannot be read as CSV: {error}.") from None
    header, *rows = rows or [[]]
    wide = next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if wide is not None:
        raise UserError(f"{key}={path}, row {wide}: {len(rows[wide - 2])} fields under {len(header)} names of columns.")
    if not rows:
        raise UserError(f"{key}={path} has no rows below its header.")
    found = {}
    for name, usual in NAMES.items():
        place = next((n for n, column in enumerate(header) if column.strip() in usual), None)
        if place is not None:
            found[name] = [row[place] for row in rows]
    if not found:
        raise UserError(f"{key}={path} has the columns {', '.join(header)[:80]}: one must be called user or item.")
    return found


def pairs_of(requests: Sequence[Content]) -> list[tuple[str, str]]:
    """The single pairs among them."""
    return [(row[0], row[1]) for kind, rows in requests if kind == "pairs" for row in rows]
