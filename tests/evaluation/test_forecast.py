"""A slow scorer says how long it will take, once, before it starts; a quick one says nothing."""

from __future__ import annotations

import pytest
import tensorflow as tf

from recsys_cli.evaluation import forecast


@pytest.fixture
def clock(monkeypatch):
    """clock(*seconds): how long each score takes."""

    def make(*seconds):
        ticks = iter([tick for n, length in enumerate(seconds) for tick in (100.0 * n, 100.0 * n + length)])
        monkeypatch.setattr(forecast.time, "perf_counter", lambda: next(ticks))

    return make


def scorer(user_by_user: bool = True):
    def score(users):
        return tf.zeros([len(users), 3])

    score.user_by_user = user_by_user
    return score


def test_the_time_of_all_users_is_that_of_one_once_it_is_warm(clock, capsys):
    clock(5.0, 0.05)
    forecast.announce_slow(scorer(), 12_000)
    assert capsys.readouterr().out == "scoring all items for 12,000 users takes about 10 min (0.05 s each)\n"


@pytest.mark.parametrize(
    "seconds, by_user, users", [([0.5], True, 100), ([5, 0.001], True, 100), ([], False, 9), ([], True, 0)]
)
def test_a_quick_one_says_nothing(clock, capsys, seconds, by_user, users):
    clock(*seconds)
    forecast.announce_slow(scorer(by_user), users)
    assert capsys.readouterr().out == ""
