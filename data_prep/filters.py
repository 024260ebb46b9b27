"""Filters of interactions: minimum rating and k-core, and the renumbering of what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events, Raw, unique


def apply_filters(raw: Raw, min_rating: float | None, k_core: int) -> Raw:
    """Drops events rated below `min_rating` (unrated ones stay), then users and items outside the k-core.

    The k-core is that of the target behaviour; auxiliary events of other users and items go too.
    Raises UserError, with the counts before and after each filter, when nothing is left, and where there is no rating.
    """
    if min_rating is None and k_core <= 1:
        return raw
    if min_rating is not None and all(events.ratings is None for events in raw.parts().values()):
        raise UserError(
            f"data.min_rating={min_rating}: the data have no ratings. Leave it out, or say which column holds them: "
            "data.columns={rating: <name>}."
        )
    steps = [("before filtering", len(raw.train[raw.target]))]
    if min_rating is not None:
        raw = raw.with_parts({name: _at_least(events, min_rating) for name, events in raw.parts().items()})
        steps.append((f"data.min_rating={min_rating}", len(raw.train[raw.target])))
    if k_core > 1:
        users, items = core(raw.train[raw.target], raw.n_users, raw.n_items, k_core)
        parts = raw.parts()
        raw = raw.with_parts({name: e.take(users[e.users] & items[e.items]) for name, e in parts.items()})
        steps.append((f"data.k_core={k_core}", len(raw.train[raw.target])))
    if not steps[-1][1]:
        culprit = next(name for name, left in steps if not left)
        story = ", ".join(f"{name}: {left}" for name, left in steps)
        raise UserError(
            f"No '{raw.target}' interaction is left after {culprit} ({story}). Choose a weaker filter, "
            "or check that data.columns names the right columns."
        )
    return replace(raw, counts={**raw.counts, "filters": [list(step) for step in steps]})


def core(events: Events, n_users: int, n_items: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Boolean masks [n_users], [n_items]: those kept have k or more distinct pairs among the kept."""
    keys = unique(events.keys(n_items))
    users, items = keys // n_items, keys % n_items
    while True:
        user_kept = np.bincount(users, minlength=n_users) >= k
        item_kept = np.bincount(items, minlength=n_items) >= k
        stays = user_kept[users] & item_kept[items]
        if stays.all():
            return user_kept, item_kept
        users, items = users[stays], items[stays]


def renumber(raw: Raw) -> Raw:
    """The same events over only those users and items that have one."""
    parts = raw.parts()
    users = _seen([events.users for events in parts.values()], raw.n_users)
    items = _seen([events.items for events in parts.values()], raw.n_items)
    new_user, new_item = np.cumsum(users, dtype=np.int32) - 1, np.cumsum(items, dtype=np.int32) - 1
    parts = {
        name: replace(events, users=new_user[events.users], items=new_item[events.items])
        for name, events in parts.items()
    }
    return raw.with_parts(parts, user_ids=raw.user_ids[users], item_ids=raw.item_ids[items])


def _at_least(events: Events, min_rating: float) -> Events:
    if events.ratings is None:
        return events
    return events.take(~(events.ratings < min_rating))  # not '>=': NaN, no rating, stays


def _seen(ids: list[np.ndarray], n: int) -> np.ndarray:
    seen = np.zeros(n, bool)
    for part in ids:
        seen[part] = True
    return seen
