"""Test and validation parts: given by the source, or cut from the target behaviour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events, Raw, among, stream, unique


def split(
    raw: Raw, test: str, validation: str, seed: int = 0, test_ratio: float = 0.2, valid_ratio: float = 0.1
) -> Raw:
    """Cuts the parts that are not given; a pair is in one part only (test before valid before train).

    test, validation: 'given' or another name of a part of the source, 'none', 'ratio', 'leave_one_out_last',
    'leave_one_out_random', or 'leave_one_out' (the last where times are known, else a random one).
    Auxiliary behaviours are left as they are. Pairs must not repeat within a part.
    """
    raw = _separate(raw)
    events = raw.train[raw.target]
    if raw.test is None and test != "given":
        events, held = cut(events, raw.n_items, test, stream(seed, "test"), test_ratio)
        raw = replace(raw, test=held)
    if raw.valid is None and validation != "none":
        events, held = cut(events, raw.n_items, validation, stream(seed, "valid"), valid_ratio)
        raw = replace(raw, valid=held)
    if not len(events):
        raise UserError(f"No '{raw.target}' interaction is left to train on: too few for this split.")
    return replace(raw, train={**raw.train, raw.target: events})


def cut(events: Events, n_items: int, rule: str, rng: np.random.Generator, ratio: float) -> tuple[Events, Events]:
    """(rest, held out) by one rule; leave-one-out holds out one pair of every user that has two or more.

    Random choices depend on the set of pairs and the stream, not on the order of the rows.
    """
    if rule == "leave_one_out":
        rule = "leave_one_out_random" if events.times is None else "leave_one_out_last"
    if rule == "ratio":
        canonical = np.argsort(events.keys(n_items))
        chosen = canonical[rng.permutation(len(events))[: round(ratio * len(events))]]
    elif rule == "leave_one_out_random":
        chosen = _one_each(np.argsort(events.keys(n_items)), events.users, rng)
    else:
        chosen = _latest(events)
    if not len(chosen):
        raise UserError(
            f"data.split or data.validation={rule} holds out nothing: {len(events)} interactions of "
            f"{len(unique(events.users))} users, of whom none can spare one."
        )
    held = np.zeros(len(events), bool)
    held[chosen] = True
    return events.take(~held), events.take(held)


def _one_each(order: np.ndarray, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of `order`, rows grouped by user: a random one of each user with two or more."""
    ends = np.flatnonzero(np.diff(users[order], append=-1)) + 1
    counts = np.diff(ends, prepend=0)
    back = 1 + (rng.random(len(ends)) * counts).astype(np.int64)
    return order[(ends - back)[counts > 1]]


def _latest(events: Events) -> np.ndarray:
    """The row of the latest event, of equal times the last one, of each user with two or more."""
    order = np.argsort(events.users, kind="stable")
    ends = np.flatnonzero(np.diff(events.users[order], append=-1)) + 1
    counts = np.diff(ends, prepend=0)
    if events.times is not None:
        times = events.times[order]
        latest = np.repeat(np.maximum.reduceat(times, ends - counts), counts)
        order = order[times == latest]
        ends = np.flatnonzero(np.diff(events.users[order], append=-1)) + 1
    return order[ends - 1][counts > 1]


def _separate(raw: Raw) -> Raw:
    """Takes given held-out pairs out of train, and test pairs out of valid, and counts them."""
    counts = {}
    events, valid = raw.train[raw.target], raw.valid
    if valid is not None and raw.test is not None:
        valid = _without(valid, raw.test, raw.n_items, counts, "test_in_valid")
    for name, held in (("valid_in_train", valid), ("test_in_train", raw.test)):
        if held is not None:
            events = _without(events, held, raw.n_items, counts, name)
    train = {**raw.train, raw.target: events}
    return replace(raw, train=train, valid=valid, counts={**raw.counts, "moved": counts})


def _without(events: Events, held: Events, n_items: int, counts: dict[str, int], name: str) -> Events:
    also_held = among(events.keys(n_items), held.keys(n_items))
    if also_held.any():
        counts[name] = int(also_held.sum())
        events = events.take(~also_held)
    return events
