"""What lies between raw files and prepared arrays: interactions and their companions, by internal id."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from data_prep.features import Features


@dataclass(frozen=True)
class Events:
    """Interactions in file order.

    users, items: int32 [n], internal ids; ratings: float32 [n] or None; times: int64
    [n] of any rising clock, or None.
    """

    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray | None = None
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: np.ndarray) -> Events:
        """The rows that a boolean mask or an index picks."""
        ratings, times = (None if column is None else column[index] for column in (self.ratings, self.times))
        return Events(self.users[index], self.items[index], ratings, times)

    def keys(self, n_items: int) -> np.ndarray:
        """user * n_items + item, int64 [n]"""
        return self.users.astype(np.int64) * n_items + self.items


@dataclass(frozen=True)
class Raw:
    """A data set on its way from files to arrays.

    train: events per behaviour in causal order; user_ids, item_ids: raw ids by internal id;
    negatives: (events, candidates int32 [len(events), n]); friends: events whose items are users;
    triples: int32 [n, 3] of head, relation, tail, where entities below the number of items are items;
    counts: what happened on the way, for the report; notes: sentences for the reader.
    """

    target: str
    train: dict[str, Events]
    user_ids: np.ndarray
    item_ids: np.ndarray
    valid: Events | None = None
    test: Events | None = None
    negatives: tuple[Events, np.ndarray] | None = None
    friends: Events | None = None
    triples: np.ndarray | None = None
    user_features: Features | None = None
    item_features: Features | None = None
    counts: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    def parts(self) -> dict[str, Events]:
        """All events by name: the behaviours, then 'valid' and 'test'."""
        held = {"valid": self.valid, "test": self.test}
        return {**self.train, **{name: events for name, events in held.items() if events is not None}}

    def with_parts(self, parts: dict[str, Events], **changes: Any) -> Raw:
        train = {behaviour: parts[behaviour] for behaviour in self.train}
        return replace(self, train=train, valid=parts.get("valid"), test=parts.get("test"), **changes)


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one purpose: independent of what else was drawn."""
    return np.random.default_rng([seed, crc32(purpose.encode())])


def unique(keys: np.ndarray) -> np.ndarray:
    """The distinct keys, ascending. (np.unique hashes integers since NumPy 2.3: many times slower.)"""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]


def among(keys: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """bool [n]: which keys are in the pool. (np.isin is slow for the same reason.)"""
    if not len(pool):
        return np.zeros(len(keys), bool)
    ordered = np.sort(pool)
    return ordered[np.minimum(np.searchsorted(ordered, keys), len(pool) - 1)] == keys


def deduplicate(raw: Raw, earliest: Collection[str] = ()) -> Raw:
    """Each pair once per part; what was left out is counted by part. earliest: parts whose earliest event stays."""
    parts, repeated = {}, {}
    for name, events in raw.parts().items():
        parts[name] = distinct(events, raw.n_items, earliest=name in earliest)
        if len(parts[name]) < len(events):
            repeated[name] = len(events) - len(parts[name])
    return raw.with_parts(parts, counts={**raw.counts, "repeated": repeated})


def distinct(events: Events, n_items: int, *, earliest: bool = False) -> Events:
    """Each pair once, in file order, its latest (or earliest) event standing for all.

    Of equal times, and where there are none, the order of the rows is the order in time.
    """
    kept = _kept(events, events.keys(n_items), earliest)
    return events if kept is None else events.take(kept)


def _kept(events: Events, keys: np.ndarray, earliest: bool) -> np.ndarray | None:
    """bool [n]; None: all of them. Few arrays of this length at a time: it is where preparing takes most memory."""
    order = np.argsort(keys)
    ordered = keys[order]
    differs = np.append(ordered[1:] != ordered[:-1], True)[: len(keys)]
    del ordered
    alone = differs & np.append(True, differs[:-1])[: len(keys)]
    if alone.all():
        return None
    rows = np.sort(order[~alone])  # only repeated pairs need the slow, exact sort
    del order
    clock = rows if events.times is None else events.times[rows]
    kept = np.ones(len(keys), bool)
    kept[rows] = False
    rows = rows[np.lexsort((clock, keys[rows]))]
    is_end = np.diff(keys[rows]) != 0
    kept[rows[np.append(True, is_end) if earliest else np.append(is_end, True)]] = True
    return kept
