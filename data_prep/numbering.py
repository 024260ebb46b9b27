"""Raw ids to internal ids 0..n-1, with every id checked on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.errors import UserError, nearest
from data_prep.events import Events, Raw, unique
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
        users, user_ids = _remap(events, "user")
        items, item_ids = _remap(events, "item")
    else:
        users, user_ids = _check(events, "user", options["n_users"])
        items, item_ids = _check(events, "item", options["n_items"])
    raw = Raw(options["target"] or "", {}, user_ids, item_ids)
    numbered = []
    for part, user, item in zip(events, users, items, strict=True):
        ratings, times = part.columns.get("rating"), part.columns.get("timestamp")
        numbered.append(
            Events(
                user,
                item,
                None if ratings is None else np.asarray(ratings, np.float32),
                None if times is None else np.asarray(times, np.int64),
            )
        )
    return _by_behaviour(raw, events, numbered, options)


def lookup(values: Any, ids: np.ndarray) -> np.ndarray:
    """int64 [n]: the place of every value among the raw ids, -1 where it is not one of them."""
    values = np.asarray(values)
    if values.dtype.kind not in "iu" or ids.dtype.kind not in "iu":
        values, ids = values.astype(str), ids.astype(str)
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids, values, sorter=order), len(ids) - 1)
    return np.where(ids[order[place]] == values, order[place], -1)


def _remap(parts: list[Part], column: str) -> tuple[list[np.ndarray], np.ndarray]:
    import pandas as pd

    columns = [pd.Series(part.columns[column]) for part in parts]
    if len({series.dtype.kind in "iu" for series in columns}) > 1:
        columns = [series.astype(str) for series in columns]
    codes, ids = pd.factorize(pd.concat(columns, ignore_index=True), sort=True)
    ids = np.asarray(ids)
    if ids.dtype.kind not in "iu":
        ids = ids.astype(str)
    ends = np.cumsum([len(series) for series in columns])[:-1]
    return np.split(codes.astype(np.int32), ends), ids


def _check(parts: list[Part], column: str, declared: int | None) -> tuple[list[np.ndarray], np.ndarray]:
    for part in parts:
        ids = np.asarray(part.columns[column])
        if ids.dtype.kind not in "iu":
            raise UserError(f"{part.file}: the {column} ids are text. Number them: data.remap_ids=true.")
        outside = (ids < 0) | (ids >= (declared or np.iinfo(np.int32).max))
        if outside.any():
            row = int(outside.argmax())
            limit = f"0..{declared - 1} (data.n_{column}s)" if declared else "0, 1, 2, ..."
            raise UserError(
                f"{part.file}, line {part.line_of(row)}: the {column} id {ids[row]} is outside {limit}. "
                "Mend the line, or set data.remap_ids=true to number the ids anew."
            )
    columns = [np.asarray(part.columns[column]).astype(np.int32) for part in parts]
    n = declared
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
    return replace(raw, target=target, train={name: _concatenate(found[name]) for name in names}, **held)


def _pieces(part: Part, events: Events) -> dict[str | None, Events]:
    if "behaviour" not in part.columns:
        return {part.behaviour: events}
    column = part.columns["behaviour"].astype(str).astype("category")
    codes = column.cat.codes.to_numpy()
    return {str(name): events.take(codes == code) for code, name in enumerate(column.cat.categories)}


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
    columns = zip(*((p.users, p.items, p.ratings, p.times) for p in pieces), strict=True)
    return Events(*(None if any(c is None for c in column) else np.concatenate(column) for column in columns))
