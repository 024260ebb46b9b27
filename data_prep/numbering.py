"""Raw ids to internal ids 0..n-1, with every id checked on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.errors import UserError, nearest
from data_prep.events import Events, Raw, unique
from data_prep.ids import Texts, are_numbers, numbered, plain_number
from data_prep.options import check_word
from data_prep.parsing import EVENT_ROLES, Part


def number(parts: list[Part], options: dict[str, Any]) -> Raw:
    """The events of all parts by internal id.

    With data.remap_ids the ids found, sorted, are numbered 0, 1, ...; else they must be 0..n-1, n
    being declared (data.n_users, data.n_items) or without gaps. Raises UserError naming file and
    line of an id that does not fit.
    """
    events = [part for part in parts if part.role in EVENT_ROLES]
    if options["remap_ids"]:
        users, user_ids = numbered([part.columns["user"] for part in events])
        items, item_ids = numbered([part.columns["item"] for part in events])
    else:
        users, user_ids = _check(events, "user", options["n_users"])
        items, item_ids = _check(events, "item", options["n_items"])
    raw = Raw(options["target"] or "", {}, user_ids, item_ids)
    found = []
    for part, user, item in zip(events, users, items, strict=True):
        ratings, times = part.columns.get("rating"), part.columns.get("timestamp")
        found.append(
            Events(
                user,
                item,
                None if ratings is None else np.asarray(ratings, np.float32),
                None if times is None else np.asarray(times, np.int64),
            )
        )
    return _by_behaviour(raw, events, found, options)


def _check(parts: list[Part], column: str, declared: int | None) -> tuple[list[np.ndarray], np.ndarray]:
    columns = [_declared_numbers(part, column) for part in parts]
    for part, ids in zip(parts, columns, strict=True):
        outside = (ids < 0) | (ids >= (declared or np.iinfo(np.int32).max))
        if outside.any():
            row = int(outside.argmax())
            limit = f"0..{declared - 1} (data.n_{column}s)" if declared else "0, 1, 2, ..."
            raise UserError(
                f"{part.file}, line {part.line_of(row)}: the {column} id {ids[row]} is outside {limit}. "
                "Mend the line, or set data.remap_ids=true to number the ids anew."
            )
    columns = [ids.astype(np.int32) for ids in columns]
    n = declared or 0
    if not declared:
        ids = unique(np.concatenate(columns))
        n = int(ids[-1]) + 1 if len(ids) else 0
        if n > len(ids):
            missing = int((np.append(ids, n) != np.arange(len(ids) + 1)).argmax())
            raise UserError(
                f"{', '.join(part.file for part in parts)}: the {column} ids go up to {n - 1}, but "
                f"{n - len(ids)} of them never occur, first {missing}. Set data.remap_ids=true to number "
                f"them anew, or data.n_{column}s={n} if the gaps are meant."
            )
    return columns, np.arange(n, dtype=np.int64)


def _declared_numbers(part: Part, column: str) -> np.ndarray:
    """int64 [n]: without data.remap_ids a source declares that its ids are numbers, in a table as elsewhere."""
    ids = part.columns[column]
    if are_numbers(ids):
        return ids
    numbers = [plain_number(text) for text in ids.values]
    wrong = np.array([number is None for number in numbers])[ids.codes]
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: the {column} id {ids[row]!r} is not one of 0, 1, 2, ... in plain "
            "digits. Number ids of any kind with data.remap_ids=true."
        )
    return np.array(numbers, np.int64)[ids.codes]


def _by_behaviour(raw: Raw, parts: list[Part], numbered: list[Events], options: dict[str, Any]) -> Raw:
    found: dict[str, list[Events]] = {}
    for part, events in zip(parts, numbered, strict=True):
        if part.role == "train":
            for name, piece in _pieces(part, events).items():
                found.setdefault(name or "interaction", []).append(piece)
    names = options["behaviours"] or _only(found)
    for name in names:
        if name not in found:
            hint = nearest(name, found)
            raise UserError(f"{parts[0].file} has no behaviour {name!r} (data.behaviours).{hint}")
    target = options["target"] or names[-1]
    held = {}
    for part, events in zip(parts, numbered, strict=True):
        if part.role != "train":
            pieces = _pieces(part, events)
            if target not in pieces and "behaviour" in part.columns:
                hint = nearest(target, [name for name in pieces if name])
                raise UserError(f"{part.file} has no interaction of the target {target!r}.{hint}")
            held[part.role] = pieces[target] if "behaviour" in part.columns else events
    train = {name: _concatenate(found[name]) for name in names}
    return replace(raw, target=target, train=train, valid=held.get("valid"), test=held.get("test"))


def _pieces(part: Part, events: Events) -> dict[str | None, Events]:
    if "behaviour" not in part.columns:
        return {part.behaviour: events}
    column = Texts.of(part.columns["behaviour"])
    pieces = {name: events.take(column.codes == code) for code, name in enumerate(column.values)}
    return {name: pieces[name] for name in sorted(pieces)}


def _only(found: dict[str, list[Events]]) -> list[str]:
    if len(found) == 1:
        check_word("the behaviour", *found)
        return list(found)
    counts = ", ".join(f"{name} ({sum(map(len, pieces))})" for name, pieces in found.items())
    raise UserError(
        f"The file has several behaviours: {counts}. List those to use in causal order, the target last: "
        "data.behaviours=[view,cart,buy]."
    )


def _concatenate(pieces: list[Events]) -> Events:
    if len(pieces) == 1:
        return pieces[0]
    users, items = np.concatenate([p.users for p in pieces]), np.concatenate([p.items for p in pieces])
    return Events(users, items, _joined([p.ratings for p in pieces]), _joined([p.times for p in pieces]))


def _joined(columns: list[np.ndarray | None]) -> np.ndarray | None:
    """One after the other; None where one is missing."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None
