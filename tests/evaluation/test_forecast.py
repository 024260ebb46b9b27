"""A slow scorer says how long it will take, once, before it starts; a quick one says nothing."""

from __future__ import annotations

import time

import pytest
import tensorflow as tf

from recsys_cli.evaluation.forecast import announce_slow


def scorer(seconds: float, user_by_user: bool = True):
    def score(users):
        time.sleep(seconds * len(users))
        return tf.zeros([len(users), 3])

    score.user_by_user = user_by_user
    return score


def test_the_time_of_all_users_is_that_of_one_times_their_number(capsys):
    announce_slow(scorer(0.05), 12_000)
    said = capsys.readouterr().out
    assert said.startswith("scoring all items for 12,000 users takes about 1") and said.endswith("s each)\n")


@pytest.mark.parametrize("seconds, by_user, users", [(0.001, True, 100), (0.05, False, 12_000), (0.05, True, 0)])
def test_a_quick_one_says_nothing(capsys, seconds, by_user, users):
    announce_slow(scorer(seconds, by_user), users)
    assert capsys.readouterr().out == ""
