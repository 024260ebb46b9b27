from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.events import Events, Raw, stream
from data_prep.splits import cut, split

N_ITEMS = 40


def events(n=300, users=25, seed=0, times=False):
    rng = np.random.default_rng(seed)
    keys = rng.permutation(np.unique(rng.integers(users * N_ITEMS, size=n)))
    clock = rng.integers(5, size=len(keys)) if times else None  # many ties on purpose
    return Events((keys // N_ITEMS).astype(np.int32), (keys % N_ITEMS).astype(np.int32), times=clock)


def pairs(part):
    return list(zip(part.users.tolist(), part.items.tolist(), strict=True))


@pytest.mark.parametrize("times", [False, True])
def test_last_is_the_last_of_a_plain_loop(times):
    all_events = events(times=times)
    history = {}
    clock = all_events.times if times else range(len(all_events))
    for position, (when, (user, item)) in enumerate(zip(clock, pairs(all_events), strict=True)):
        history.setdefault(user, []).append((when, position, item))
    expected = {(user, max(seen)[2]) for user, seen in history.items() if len(seen) > 1}
    rest, held = cut(all_events, N_ITEMS, "leave_one_out_last", stream(0, "test"), 0)
    assert set(pairs(held)) == expected and len(held) == len(expected)
    assert sorted(pairs(rest) + pairs(held)) == sorted(pairs(all_events))


def test_random_takes_one_of_each_user_that_can_spare_one():
    all_events = Events(np.array([0, 1, 1, 2, 2, 2], np.int32), np.array([5, 6, 7, 1, 2, 3], np.int32))
    taken = set()
    for seed in range(60):
        rest, held = cut(all_events, N_ITEMS, "leave_one_out_random", stream(seed, "test"), 0)
        assert sorted(held.users) == [1, 2] and len(rest) == 4
        taken |= set(pairs(held))
    assert taken == {(1, 6), (1, 7), (2, 1), (2, 2), (2, 3)}


@pytest.mark.parametrize("rule", ["leave_one_out_random", "ratio"])
def test_random_rules_depend_on_the_seed_and_not_on_the_order_of_rows(rule):
    all_events = events()
    shuffled = all_events.take(np.random.default_rng(9).permutation(len(all_events)))

    def held(source, seed):
        return set(pairs(cut(source, N_ITEMS, rule, stream(seed, "test"), 0.3)[1]))

    assert held(all_events, 0) == held(shuffled, 0) != held(all_events, 1)


def test_ratio_is_exact():
    all_events = events()
    rest, held = cut(all_events, N_ITEMS, "ratio", stream(0, "test"), 0.25)
    assert len(held) == round(0.25 * len(all_events)) and len(rest) + len(held) == len(all_events)


def test_leave_one_out_is_last_where_times_are_known_else_random():
    timed, plain = events(times=True), events()
    for source, rule in ((timed, "leave_one_out_last"), (plain, "leave_one_out_random")):
        chosen = [cut(source, N_ITEMS, name, stream(0, "test"), 0)[1] for name in ("leave_one_out", rule)]
        assert pairs(chosen[0]) == pairs(chosen[1])


def raw(train, **held):
    return Raw("buy", {"view": events(seed=5), "buy": train}, np.arange(25), np.arange(N_ITEMS), **held)


def test_parts_are_disjoint_and_complete_and_views_untouched():
    source = raw(events())
    done = split(source, "leave_one_out_random", "ratio", seed=3, valid_ratio=0.1)
    parts = [set(pairs(part)) for part in (done.train["buy"], done.valid, done.test)]
    assert set.union(*parts) == set(pairs(source.train["buy"])) and sum(map(len, parts)) == len(events())
    assert pairs(done.train["view"]) == pairs(source.train["view"])


def test_given_pairs_leave_train_and_test_wins_over_valid():
    def some(*rows):
        users, items = np.array(rows, np.int32).T
        return Events(users, items)

    train = some((0, 1), (0, 2), (0, 3), (1, 1))
    done = split(raw(train, valid=some((0, 2), (0, 3)), test=some((0, 3))), "given", "given")
    assert pairs(done.train["buy"]) == [(0, 1), (1, 1)]
    assert pairs(done.valid) == [(0, 2)] and pairs(done.test) == [(0, 3)]
    assert done.counts["moved"] == {"test_in_valid": 1, "valid_in_train": 1, "test_in_train": 1}


def test_nothing_to_hold_out_is_refused():
    lonely = Events(np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32))
    with pytest.raises(UserError, match="3 interactions of 3 users, of whom none can spare one"):
        split(raw(lonely), "leave_one_out_last", "none")
