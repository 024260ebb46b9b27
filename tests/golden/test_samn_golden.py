"""SAMN against values computed by the authors' program, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, sampled_plans

LIMITS = Limits(7.1e-5, 7e-5, 7.4e-5)


def test_samn_follows_the_authors_steps():
    golden = Golden("samn")
    config, data, padding = configured("samn", golden), golden.dataset(), golden.hyper["padding_friend_id"]
    friends = CSR.from_pairs(*golden.given("data/trust_pairs").T, data.n_users, data.n_users)
    for user, listed in enumerate(golden.given("data/friend_lists")):
        np.testing.assert_array_equal(np.sort(listed[listed != padding]), friends.row(user))
    replay = Replay(golden, config, build_model(config.model, replace(data, friends=friends), 0), LIMITS)
    last = golden.given("init/user_embedding")[-1:]  # the padding row, which their program masks
    replay.start(lambda name, array: array[:-1] if name == "user_embedding" else array)
    assert set(replay.names) == {key.removeprefix("init/") for key in golden.keys("init/*")}
    replay.place = lambda name, array, when: (
        np.append(array, 0 * last if when == "grad1" else last, axis=0) if name == "user_embedding" else array
    )
    check_first_batch(replay, padding)
    replay.follow(sampled_plans(golden))
    evaluated = golden.hyper["users_evaluated"]  # the last incomplete batch of users is left out by the authors
    users = np.flatnonzero(data.test.row_lengths)[:evaluated]
    kept = np.isin(data.test.rows, users)
    test = CSR.from_pairs(data.test.rows[kept], data.test.indices[kept], data.n_users, data.n_items)
    check_scores(golden, config, replay.scores(), replace(data, test=test), LIMITS.scores)
    golden.check_nothing_is_left()


def check_first_batch(replay: Replay, padding: int) -> None:
    golden, model = replay.golden, replay.model
    users, lists = tf.constant(golden.given("batch/users")[0]), golden.given("batch/friend_lists")[0]
    found = model.of_friends(users)
    shape = *lists.shape, model.config.memory_slots
    aspects, weights = np.zeros(shape, np.float32), np.zeros(lists.shape, np.float32)  # 0 where lists are padded
    for owner, friend, of_slots, weight in zip(
        *(part.numpy() for part in (found.owners, found.friends, found.aspects, found.weights))
    ):
        place = owner, np.flatnonzero(lists[owner] == friend)[0]
        aspects[place], weights[place] = of_slots, weight
    golden.check("fwd0/memory_attention", aspects, 0, 1e-6)
    golden.check("fwd0/friend_attention", weights, 0, 1e-6)
    items = tf.constant(np.stack([golden.given(f"batch/{part}_items")[0] for part in ("pos", "neg")], axis=1), tf.int32)
    vectors = model.user_vectors(0, model.encode(), users)[:, :-1]
    golden.check("fwd0/user_vector", vectors, 0, 1e-6)
    golden.check("fwd0/friend_sum", vectors - tf.gather(model.user_embedding, users), 0, 1e-6)
    own, other = tf.unstack(model.score(0, model.encode(), users, items), axis=1)
    golden.check("fwd0/score_difference", own - other, 0, 1e-6)
