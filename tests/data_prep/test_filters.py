from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.events import Events, Raw, among, deduplicate, unique
from data_prep.filters import apply_filters, core, renumber


def random_events(seed, n=400, users=40, items=30):
    rng = np.random.default_rng(seed)
    return Events(
        rng.integers(users, size=n).astype(np.int32),
        (rng.integers(items, size=n) ** 2 // items).astype(np.int32),
    )


def make_raw(events, users=40, items=30, **behaviours):
    return Raw("buy", {**behaviours, "buy": events}, np.arange(users) * 10, np.arange(items) * 10)


def slow_core(pairs, k):
    while True:
        kept = {
            (u, i)
            for u, i in pairs
            if sum(u == other for other, _ in pairs) >= k and sum(i == other for _, other in pairs) >= k
        }
        if kept == pairs:
            return pairs
        pairs = kept


@pytest.mark.parametrize("k", [2, 4, 6])
def test_core_agrees_with_a_slow_twin(k):
    events = random_events(k)
    pairs = set(zip(events.users.tolist(), events.items.tolist(), strict=True))
    users, items = core(events, 40, 30, k)
    expected = slow_core(pairs, k)
    assert set(np.flatnonzero(users)) == {u for u, _ in expected}
    assert set(np.flatnonzero(items)) == {i for _, i in expected}


def test_core_of_the_target_also_limits_other_behaviours():
    done = apply_filters(make_raw(random_events(1), view=random_events(2)), None, 5)
    assert set(done.train["view"].users) <= set(done.train["buy"].users)
    assert set(done.train["view"].items) <= set(done.train["buy"].items)


def test_min_rating_keeps_the_unrated():
    ratings = np.array([1, 4, np.nan, 5], np.float32)
    events = Events(np.arange(4, dtype=np.int32), np.arange(4, dtype=np.int32), ratings)
    assert apply_filters(make_raw(events), 4, 0).train["buy"].users.tolist() == [1, 2, 3]


def test_an_empty_result_names_the_filter_and_the_counts():
    events = Events(np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32), np.array([1, 5, 5], np.float32))
    with pytest.raises(
        UserError,
        match=r"after data.k_core=2 \(before filtering: 3, data.min_rating=4: 2, data.k_core=2: 0\)",
    ):
        apply_filters(make_raw(events), 4, 2)


def test_renumber_keeps_pairs_and_drops_unused_ids():
    raw = make_raw(Events(np.array([3, 7], np.int32), np.array([2, 9], np.int32)), view=random_events(0, n=1))
    raw = raw.with_parts({**raw.parts(), "view": Events(np.array([5], np.int32), np.array([2], np.int32))})
    done = renumber(raw)
    assert done.user_ids.tolist() == [30, 50, 70] and done.item_ids.tolist() == [20, 90]
    assert done.train["buy"].users.tolist() == [0, 2] and done.train["buy"].items.tolist() == [0, 1]
    assert done.train["view"].users.tolist() == [1] and done.train["view"].items.tolist() == [0]


@pytest.mark.parametrize("times", [None, [3, 1, 2, 9, 1]])
def test_the_latest_of_repeated_pairs_stays(times):
    events = Events(
        np.array([0, 1, 0, 1, 0], np.int32),
        np.array([2, 2, 2, 3, 2], np.int32),
        np.array([1, 2, 3, 4, 5], np.float32),
        None if times is None else np.array(times),
    )
    done = deduplicate(make_raw(events))
    buy = done.train["buy"]
    kept = {(int(buy.users[n]), int(buy.items[n])): float(buy.ratings[n]) for n in range(len(buy))}
    assert kept == {(0, 2): 5.0 if times is None else 1.0, (1, 2): 2.0, (1, 3): 4.0}
    assert done.counts["repeated"] == {"buy": 2}


def test_unique_and_among_agree_with_sets():
    rng = np.random.default_rng(0)
    keys, pool = rng.integers(50, size=80), rng.integers(50, size=20)
    assert unique(keys).tolist() == sorted(set(keys.tolist()))
    assert among(keys, pool).tolist() == [key in set(pool.tolist()) for key in keys.tolist()]
    assert unique(keys[:0]).tolist() == [] and not among(keys, pool[:0]).any()
