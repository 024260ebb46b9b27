from __future__ import annotations

import numpy as np
import pytest

from data_prep.data_settings import DataSettings
from data_prep.errors import UserError
from data_prep.events import Events, Raw, stream
from data_prep.settings import fields_of
from data_prep.split_options import CUTS
from data_prep.splits import RULES, Amount, cut, split

N_ITEMS = 40


def events(n=300, users=25, seed=0, times=False):
    rng = np.random.default_rng(seed)
    keys = rng.permutation(np.unique(rng.integers(users * N_ITEMS, size=n)))
    clock = rng.integers(5, size=len(keys)) if times else None  # many ties on purpose
    return Events((keys // N_ITEMS).astype(np.int32), (keys % N_ITEMS).astype(np.int32), times=clock)


def amount(ratio=0.2, n=2, time=None, folds=3, fold=0):
    return Amount(ratio, n, time, folds, fold)


def options(split, validation="none", **more):
    defaults = {name: found.default for name, found in fields_of(DataSettings).items()}
    return {**defaults, "split": split, "validation": validation, **more}


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
    rest, held = cut(all_events, N_ITEMS, "leave_one_out_last", stream(0, "test"), amount())
    assert set(pairs(held)) == expected and len(held) == len(expected)
    assert sorted(pairs(rest) + pairs(held)) == sorted(pairs(all_events))


def test_random_takes_one_of_each_user_that_can_spare_one():
    all_events = Events(np.array([0, 1, 1, 2, 2, 2], np.int32), np.array([5, 6, 7, 1, 2, 3], np.int32))
    taken = set()
    for seed in range(60):
        rest, held = cut(all_events, N_ITEMS, "leave_one_out_random", stream(seed, "test"), amount())
        assert sorted(held.users) == [1, 2] and len(rest) == 4
        taken |= set(pairs(held))
    assert taken == {(1, 6), (1, 7), (2, 1), (2, 2), (2, 3)}


@pytest.mark.parametrize("rule", ["leave_one_out_random", "ratio"])
def test_random_rules_depend_on_the_seed_and_not_on_the_order_of_rows(rule):
    all_events = events()
    shuffled = all_events.take(np.random.default_rng(9).permutation(len(all_events)))

    def held(source, seed):
        return set(pairs(cut(source, N_ITEMS, rule, stream(seed, "test"), amount(ratio=0.3))[1]))

    assert held(all_events, 0) == held(shuffled, 0) != held(all_events, 1)


def test_ratio_is_exact():
    all_events = events()
    rest, held = cut(all_events, N_ITEMS, "ratio", stream(0, "test"), amount(ratio=0.25))
    assert len(held) == round(0.25 * len(all_events)) and len(rest) + len(held) == len(all_events)


def test_leave_one_out_is_last_where_times_are_known_else_random():
    timed, plain = events(times=True), events()
    for source, rule in ((timed, "leave_one_out_last"), (plain, "leave_one_out_random")):
        chosen = [cut(source, N_ITEMS, name, stream(0, "test"), amount())[1] for name in ("leave_one_out", rule)]
        assert pairs(chosen[0]) == pairs(chosen[1])


def raw(train, **held):
    return Raw("buy", {"view": events(seed=5), "buy": train}, np.arange(25), np.arange(N_ITEMS), **held)


def test_parts_are_disjoint_and_complete_and_views_untouched():
    source = raw(events())
    done = split(source, options("leave_one_out_random", "ratio", split_seed=3))
    parts = [set(pairs(part)) for part in (done.train["buy"], done.valid, done.test)]
    assert set.union(*parts) == set(pairs(source.train["buy"])) and sum(map(len, parts)) == len(events())
    assert pairs(done.train["view"]) == pairs(source.train["view"])


def test_given_pairs_leave_train_and_test_wins_over_valid():
    def some(*rows):
        users, items = np.array(rows, np.int32).T
        return Events(users, items)

    train = some((0, 1), (0, 2), (0, 3), (1, 1))
    done = split(raw(train, valid=some((0, 2), (0, 3)), test=some((0, 3))), options("given", "given"))
    assert pairs(done.train["buy"]) == [(0, 1), (1, 1)]
    assert pairs(done.valid) == [(0, 2)] and pairs(done.test) == [(0, 3)]
    assert done.counts["moved"] == {"test_in_valid": 1, "valid_in_train": 1, "test_in_train": 1}


def test_nothing_to_hold_out_is_refused():
    lonely = Events(np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32))
    with pytest.raises(UserError, match="3 interactions of 3 users, of whom none can spare one"):
        split(raw(lonely), options("leave_one_out_last"))


def test_every_rule_that_can_be_asked_for_is_there():
    assert set(RULES) | {"leave_one_out"} == set(CUTS)


def by_user(part):
    found = {}
    for user, item in pairs(part):
        found.setdefault(user, []).append(item)
    return found


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        ("last_n", lambda n: 2 if n > 2 else 0),
        ("ratio_per_user", lambda n: min(int(0.3 * n + 0.5), n - 1)),
        ("ratio_per_user_last", lambda n: min(int(0.3 * n + 0.5), n - 1)),
    ],
)
@pytest.mark.parametrize("times", [False, True])
def test_rules_by_user_hold_out_so_many_of_each(rule, size, times):
    all_events = events(times=times)
    rest, held = cut(all_events, N_ITEMS, rule, stream(0, "test"), amount(ratio=0.3, n=2))
    whole, chosen = by_user(all_events), by_user(held)
    assert {user: len(chosen.get(user, [])) for user in whole} == {
        user: size(len(seen)) for user, seen in whole.items()
    }
    assert sorted(pairs(rest) + pairs(held)) == sorted(pairs(all_events))
    if rule != "ratio_per_user":
        clock = all_events.times if times else np.arange(len(all_events))
        row = {pair: n for n, pair in enumerate(pairs(all_events))}
        for user in chosen:
            order = sorted(whole[user], key=lambda item: (clock[row[user, item]], row[user, item]))
            assert set(order[-len(chosen[user]) :]) == set(chosen[user])


def test_a_random_share_of_each_user_depends_on_the_seed_and_not_on_the_order_of_rows():
    all_events = events()
    shuffled = all_events.take(np.random.default_rng(9).permutation(len(all_events)))

    def held(source, seed):
        return set(pairs(cut(source, N_ITEMS, "ratio_per_user", stream(seed, "test"), amount(ratio=0.3))[1]))

    assert held(all_events, 0) == held(shuffled, 0) != held(all_events, 1)


def test_folds_are_disjoint_cover_all_and_depend_on_the_seed():
    all_events = events()
    folds = [
        set(pairs(cut(all_events, N_ITEMS, "k_fold", stream(0, "test"), amount(folds=4, fold=fold))[1]))
        for fold in range(4)
    ]
    assert set.union(*folds) == set(pairs(all_events)) and sum(map(len, folds)) == len(all_events)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    assert folds[0] != set(pairs(cut(all_events, N_ITEMS, "k_fold", stream(1, "test"), amount(folds=4))[1]))


def test_folds_of_rows_are_consecutive():
    all_events = events()
    folds = [cut(all_events, N_ITEMS, "row_fold", None, amount(folds=3, fold=fold))[1] for fold in range(3)]
    assert [pair for fold in folds for pair in pairs(fold)] == list(pairs(all_events))
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_a_time_ratio_holds_out_the_last_share_and_does_not_part_equal_times():
    all_events = events(times=True)
    rest, held = cut(all_events, N_ITEMS, "time_ratio", stream(0, "test"), amount(ratio=0.25))
    assert rest.times.max() < held.times.min() and len(held) >= 0.25 * len(all_events)
    assert len(held) - np.count_nonzero(held.times == held.times.min()) < 0.25 * len(all_events)


@pytest.mark.parametrize("said", ["1970-01-02", 86400, "86400", "1970-01-02T00:00:00Z", "1970-01-02 01:00:00+01:00"])
def test_a_split_by_time_holds_out_everything_at_or_after_it(said):
    clock = np.array([0, 86399, 86400, 86401])
    rest, held = cut(Events(np.arange(4), np.arange(4), times=clock), N_ITEMS, "time", None, amount(time=said))
    assert rest.times.tolist() == [0, 86399] and held.times.tolist() == [86400, 86401]


@pytest.mark.parametrize(
    ("rule", "times", "message"),
    [
        ("time", np.arange(4), r"time holds out nothing: .*times run from 0 to 3; a date stands for seconds"),
        ("time", np.arange(4) + 10**6, "time holds out everything .times run from 1000000"),
        ("time_ratio", np.zeros(4, int), "time_ratio holds out everything"),
        ("time", None, "time needs times: a column timestamp"),
    ],
)
def test_a_time_that_parts_nothing_names_the_times_there_are(rule, times, message):
    with pytest.raises(UserError, match=message):
        cut(Events(np.arange(4), np.arange(4), times=times), N_ITEMS, rule, None, amount(time="1970-01-02"))
