"""Test and validation parts: given by the source, or cut from the target behaviour by one of RULES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events, Raw, among, stream, unique
from data_prep.split_options import moment


class Amount(NamedTuple):
    """How much a rule holds out: what data.test_ratio (valid_ratio), split_n (valid_n), split_time (valid_time),
    and, for k_fold and row_fold, data.folds and data.fold say."""

    ratio: float
    n: int
    time: str | float | None
    folds: int
    fold: int

    @classmethod
    def of(cls, options: dict[str, Any], part: str) -> Amount:
        ratio, key = (options["test_ratio"], "split") if part == "test" else (options["valid_ratio"], "valid")
        return cls(ratio, options[f"{key}_n"], options[f"{key}_time"], options["folds"], options["fold"])


def split(raw: Raw, options: dict[str, Any]) -> Raw:
    """Cuts the parts that are not given; a pair is in one part only (test before valid before train).

    options: data.split, data.validation ('given', another name of a part of the source, 'none', or one of RULES)
    and what they need. Auxiliary behaviours are left as they are (times.py). Pairs must not repeat within a part.
    """
    raw = _separate(raw)
    events = raw.train[raw.target]
    if raw.test is None and options["split"] != "given":
        rng = stream(options["split_seed"], "test")
        events, held = cut(events, raw.n_items, options["split"], rng, Amount.of(options, "test"))
        raw = replace(raw, test=held)
    if raw.valid is None and options["validation"] != "none":
        rng = stream(options["split_seed"], "valid")
        events, held = cut(events, raw.n_items, options["validation"], rng, Amount.of(options, "valid"))
        raw = replace(raw, valid=held)
    if not len(events):
        raise UserError(f"No '{raw.target}' interaction is left to train on: too few for this split.")
    return replace(raw, train={**raw.train, raw.target: events})


def cut(events: Events, n_items: int, rule: str, rng: np.random.Generator, amount: Amount) -> tuple[Events, Events]:
    """(rest, held out) by one rule. UserError where that holds out nothing, or needs times that are not there.

    Random choices depend on the set of pairs and the stream, not on the order of the rows, which row_fold alone goes by.
    Without times, the order of the rows is the order in time.
    """
    if rule == "leave_one_out":
        rule = "leave_one_out_random" if events.times is None else "leave_one_out_last"
    if rule in TIMED and events.times is None:
        raise UserError(
            f"data.split or data.validation={rule} needs times: a column timestamp, or data.columns={{timestamp: <name>}}."
        )
    held = np.zeros(len(events), bool)
    held[RULES[rule](events, n_items, rng, amount)] = True
    if not held.any():
        raise UserError(
            f"data.split or data.validation={rule} holds out nothing: {len(events)} interactions of "
            f"{len(unique(events.users))} users, of whom none can spare one{_span(events, rule)}."
        )
    if held.all():
        raise UserError(f"data.split or data.validation={rule} holds out everything{_span(events, rule)}.")
    return events.take(~held), events.take(held)


def threshold(events: Events, rule: str, amount: Amount) -> int:
    """The time from which on a rule of TIMED holds out: as said, or so that the last share lies at or after it."""
    if rule == "time":
        assert amount.time is not None, "checked with the options"
        return moment(amount.time)
    assert events.times is not None, "checked by the caller"
    times = np.sort(events.times)
    return int(times[min(len(times) - _share(amount.ratio, len(times)), len(times) - 1)])


def _ratio(events, n_items, rng, amount):
    chosen = rng.permutation(len(events))[: round(amount.ratio * len(events))]
    return np.argsort(events.keys(n_items))[chosen]


def _fold(events, n_items, rng, amount):
    """All folds are parts of one random order, so that together they are all pairs."""
    return np.argsort(events.keys(n_items))[rng.permutation(len(events))[amount.fold :: amount.folds]]


def _row_fold(events, n_items, rng, amount):
    """A run of consecutive rows, as the source has them: here their order is meant to decide."""
    first, last = (len(events) * fold // amount.folds for fold in (amount.fold, amount.fold + 1))
    return np.arange(first, last)


def _from(rule):
    return lambda events, n_items, rng, amount: np.flatnonzero(events.times >= threshold(events, rule, amount))


def _one_random(events, n_items, rng, amount):
    """A random one of each user with two or more."""
    order = np.argsort(events.keys(n_items))
    ends = np.flatnonzero(np.diff(events.users[order], append=-1)) + 1
    counts = np.diff(ends, prepend=0)
    back = 1 + (rng.random(len(ends)) * counts).astype(np.int64)
    return order[(ends - back)[counts > 1]]


def _last(size: Callable[[np.ndarray, Amount], np.ndarray]):
    """The last of each user, as many as `size` says of counts; of equal times the last rows."""

    def chosen(events, n_items, rng, amount):
        return _ends(_in_time(events), events.users, size, amount)

    return chosen


def _in_time(events: Events) -> np.ndarray:
    """The rows by user, in the order in time within each; rows of equal times as they are."""
    if events.times is None:
        return np.argsort(events.users, kind="stable")
    span = int(events.times.max()) - int(events.times.min()) + 1
    if (int(events.users.max()) + 1) * span < 2**63:  # one sort instead of two
        return np.argsort(events.users.astype(np.int64) * span + (events.times - events.times.min()), kind="stable")
    return np.lexsort((events.times, events.users))


def _random(size: Callable[[np.ndarray, Amount], np.ndarray]):
    """Random ones of each user, as many as `size` says of counts."""

    def chosen(events, n_items, rng, amount):
        order = np.argsort(events.keys(n_items))
        shuffled = order[rng.permutation(len(order))]
        return _ends(shuffled[np.argsort(events.users[shuffled], kind="stable")], events.users, size, amount)

    return chosen


def _ends(order: np.ndarray, users: np.ndarray, size: Callable, amount: Amount) -> np.ndarray:
    """Of `order`, rows grouped by user, ascending: the last ones of each group."""
    counts = np.bincount(users)
    taken = np.clip(size(counts, amount), 0, counts)
    firsts = np.cumsum(counts) - taken
    return order[np.repeat(firsts - (np.cumsum(taken) - taken), taken) + np.arange(taken.sum())]


def _n(counts: np.ndarray, amount: Amount) -> np.ndarray:
    return np.where(counts > amount.n, amount.n, 0)


def _one(counts: np.ndarray, amount: Amount) -> np.ndarray:
    return np.where(counts > 1, 1, 0)


def _share(ratio: float, counts: Any) -> Any:
    """Rounded, a half up."""
    return np.floor(ratio * counts + 0.5).astype(np.int64)


def _their_share(counts: np.ndarray, amount: Amount) -> np.ndarray:
    return np.minimum(_share(amount.ratio, counts), counts - 1)


RULES: dict[str, Callable[..., np.ndarray]] = {
    "leave_one_out_last": _last(_one),
    "leave_one_out_random": _one_random,
    "last_n": _last(_n),
    "ratio": _ratio,
    "ratio_per_user": _random(_their_share),
    "ratio_per_user_last": _last(_their_share),
    "time": _from("time"),
    "time_ratio": _from("time_ratio"),
    "k_fold": _fold,
    "row_fold": _row_fold,
}
TIMED = ("time", "time_ratio")


def _span(events: Events, rule: str) -> str:
    if rule not in TIMED or events.times is None:
        return ""
    return f" (times run from {events.times.min()} to {events.times.max()}; a date stands for seconds since 1970)"


def _separate(raw: Raw) -> Raw:
    """Takes given held-out pairs out of train, and test pairs out of valid, and counts them."""
    counts: dict[str, int] = {}
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
