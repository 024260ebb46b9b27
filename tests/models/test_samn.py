"""SAMN: what depends on friends, how all users are scored, and what is told."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.models import samn as module
from recsys_cli.models.samn import SAMN
from tests.losses.toys import M, arrays_of, dataset, observed


def samn(friends: CSR | None = None) -> SAMN:
    settings = SAMN.Settings(name="samn", embedding_size=4, memory_slots=3, attention_size=5, init_scale=0.8)
    return SAMN(settings, dataset(friends=friends or observed(M, M, 1)), 0)


@pytest.mark.parametrize("block", [2, 1024])
def test_users_are_scored_in_blocks(block, monkeypatch):
    monkeypatch.setattr(module, "USERS_AT_A_TIME", block)
    model = samn()
    whole = model.user_vectors(0, model.encode())
    np.testing.assert_allclose(model.scorer().users, whole, rtol=1e-5, atol=1e-6)


def test_without_friends_it_is_matrix_factorisation():
    model = samn(CSR.from_pairs([], [], M, M))
    v = arrays_of(model)
    np.testing.assert_allclose(model.scorer()(tf.range(M)), v["user_embedding"] @ v["item_embedding"].T, rtol=1e-5)


def test_what_friends_bring_is_told_and_sums_to_the_vector():
    model, users = samn(), np.array([4, 1, 0])
    assert len(model.tasks[0].pairs.row(1)) == 0
    told, v = model.explain(users), arrays_of(model)
    friends, aspects = told["friends"], told["aspects"]
    assert list(aspects) == ["user", "friend", "slot_0", "slot_1", "slot_2"]
    shares = np.stack([aspects[f"slot_{n}"] for n in range(3)], axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    vectors = model.user_vectors(0, model.encode(), tf.constant(users, tf.int32))[:, :-1]
    for user, vector in zip(users, vectors.numpy()):
        own = friends["user"] == user
        assert friends["friend"][own].tolist() == observed(M, M, 1).row(user).tolist()
        brought = (shares[own] @ v["memory_value"]) * v["user_embedding"][friends["friend"][own]]
        expected = v["user_embedding"][user] + friends["weight"][own] @ brought
        np.testing.assert_allclose(vector, expected, rtol=1e-5)


def test_a_friend_more_changes_that_user_only():
    friends = observed(M, M, 1)
    more = CSR.from_pairs(np.append(friends.rows, 1), np.append(friends.indices, 6), M, M)
    one, other = (samn(f).scorer()(tf.range(M)).numpy() for f in (friends, more))
    assert np.flatnonzero(np.abs(one - other).max(axis=1) > 1e-6).tolist() == [1]
