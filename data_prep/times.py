"""What auxiliary behaviours know of the future: events at or after a user's held-out ones, cut or counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events, Raw
from data_prep.split_options import moment
from data_prep.splits import TIMED

NEVER = np.iinfo(np.int64).max


def keep_earliest(options: dict[str, Any], behaviours: list[str], target: str) -> list[str]:
    """The behaviours of whose repeated pairs the earliest event counts: what happened before a cut stays known.

    Of the target it is the latest, unless a rule cuts at one time for all.
    """
    timed = {options["split"], options["validation"]} & set(TIMED)
    return [name for name in behaviours if timed or name != target]


def cut_auxiliary(raw: Raw, options: dict[str, Any]) -> Raw:
    """Training data without the auxiliary events that lie at or after the held-out part; others are counted.

    data.cut_auxiliary: null cuts at the time of data.split or data.validation=time or time_ratio; true also at the
    first held-out event of each user; false cuts nothing. UserError where true cannot be done.
    """
    choice = options["cut_auxiliary"]
    held = {part: events for part in ("test", "valid") if (events := getattr(raw, part)) is not None}
    auxiliary = [name for name in raw.train if name != raw.target]
    if choice:
        _refuse_impossible(raw, held, auxiliary)
    first = np.full(raw.n_users, NEVER)
    for events in held.values():
        if events.times is not None:
            np.minimum.at(first, events.users, events.times)
    start = np.full(raw.n_users, NEVER) if choice is False else _start(held, options, raw.n_users)
    start = np.minimum(start, first) if choice else start
    train, cut, later = dict(raw.train), {}, {}
    for name in auxiliary:
        if raw.train[name].times is not None:
            before = raw.train[name]
            train[name] = kept = before.take(before.times < start[before.users])
            cut[name] = len(before) - len(kept)
            later[name] = int(np.count_nonzero(kept.times >= first[kept.users]))
    return replace(raw, train=train, counts={**raw.counts, "cut_auxiliary": cut, "later_auxiliary": later})


def _start(held: dict[str, Events], options: dict[str, Any], n_users: int) -> np.ndarray:
    """int64 [users]: from when on everything is held out."""
    start = NEVER
    for part, rule, said in (("test", "split", "split_time"), ("valid", "validation", "valid_time")):
        if part in held and options[rule] in TIMED and (times := held[part].times) is not None:
            begins = moment(options[said]) if options[rule] == "time" else int(times.min())
            start = min(start, begins)
    return np.full(n_users, start)


def _refuse_impossible(raw: Raw, held: dict[str, Events], auxiliary: list[str]) -> None:
    if not auxiliary:
        raise UserError(f"data.cut_auxiliary=true: there is no behaviour besides the target {raw.target!r} to cut.")
    parts = {**held, **{name: raw.train[name] for name in auxiliary}}
    without = [name for name, events in parts.items() if events.times is None]
    if without:
        raise UserError(f"data.cut_auxiliary=true needs times, and {without[0]!r} has none: leave it out.")
