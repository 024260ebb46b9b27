"""SBPR: the items of friends, what a pass draws, and the loss of a batch pair by pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses import build_phases
from recsys_cli.losses.sampled import SampledPhase, SampledSettings
from recsys_cli.models.sbpr import SBPR, SocialPhase, items_of_friends
from tests.losses.toys import M, N, arrays_of, dataset, observed


def sbpr(data=None, **config) -> SBPR:
    usual = {"name": "sbpr", "embedding_size": 4, "init": "normal", "init_scale": 0.6}
    model = SBPR(SBPR.Settings(**{**usual, **config}), data or dataset(friends=observed(M, M, 1)), 0)
    if model.item_bias is not None:
        model.item_bias.assign(np.random.default_rng(1).normal(size=(N, 1)))
    return model


def phase(model: SBPR, loss: str = "bpr", **config) -> SampledPhase:
    settings = SampledSettings.from_config({"name": loss, "scope": "sampled", "reduction": "sum", **config}, "loss")
    (found,) = build_phases(settings, model, 64, seed=0)
    return found


def test_items_of_friends_are_counted_by_hand():
    likes = CSR.from_pairs([0, 0, 1, 1, 2, 3], [0, 1, 1, 2, 2, 3], 4, 5)
    friends = CSR.from_pairs([0, 0, 0, 2, 3], [1, 2, 0, 1, 3], 4, 4)  # 0 and 3 are also their own friends
    found = items_of_friends(likes, friends)
    assert [found.row(u).tolist() for u in range(4)] == [[2], [], [1], []]
    assert found.values.tolist() == [2.0, 1.0] and found.n_cols == 5


def test_every_own_item_comes_once_with_one_of_friends_and_one_of_nobody():
    model = sbpr()
    made = phase(model, negatives=2)
    assert isinstance(made, SocialPhase)
    arrays, likes, social = made.plan(3).arrays, model.tasks[0].pairs, model.social
    users, (own, others, *unknown) = arrays["users"], arrays["items"].T
    np.testing.assert_array_equal(np.sort(users * N + own), likes.keys)
    there = arrays["friends"] > 0
    np.testing.assert_array_equal(there, social.row_lengths[users] > 0)
    assert social.contains(users[there], others[there]).all() and 0.2 < there.mean() < 1
    for items in unknown:
        assert not likes.contains(users, items).any() and not social.contains(users, items).any()


@pytest.mark.parametrize("l2", [0.0, 0.4])
def test_the_loss_is_that_of_each_pair(l2):
    model = sbpr()
    made = phase(model, l2=l2)
    plan, v, expected = made.plan(0), arrays_of(model), 0.0
    p, q, bias = v["user_embedding"], v["item_embedding"], v["item_bias"][:, 0]
    for u, (i, k, j), friends in zip(*(plan.arrays[name] for name in ("users", "items", "friends"))):
        s = {item: p[u] @ q[item] + bias[item] for item in (i, k, j)}
        if friends:
            expected += np.logaddexp(0, -(s[i] - s[k]) / (1 + friends)) + np.logaddexp(0, -(s[k] - s[j]))
        else:
            expected += np.logaddexp(0, -(s[i] - s[j]))
        weighed = (i, k, j) if friends else (i, j)
        expected += 0.5 * l2 * ((p[u] ** 2).sum() + sum((q[item] ** 2).sum() + bias[item] ** 2 for item in weighed))
    arrays = {name: tf.constant(array) for name, array in plan.arrays.items()}
    np.testing.assert_allclose(made.loss(arrays, tf.constant(0), tf.constant([0, 0])), expected, rtol=1e-5)


def test_where_friends_have_all_the_rest_it_is_bpr():
    """User 0 and 1 have everything between them; of the five items, users 2 and 3 have three."""
    likes = CSR.from_pairs([0, 0, 1, 1, 1, 2, 3, 3], [0, 1, 2, 3, 4, 0, 1, 2], 4, 5)
    friends = CSR.from_pairs([0, 1, 2], [1, 0, 3], 4, 4)
    model = sbpr(Dataset("four", 4, 5, "buy", {"buy": likes}, friends=friends), item_bias=False)
    arrays = phase(model, negatives=4).plan(0).arrays
    users, counts, unknown = arrays["users"], arrays["friends"], arrays["items"][:, 2:]
    assert counts[users < 2].tolist() == [0] * 5 and counts[users == 2].tolist() == [1] and not counts[users == 3].any()
    assert {*unknown[users == 2].ravel()} <= {3, 4} and {*unknown[users == 0].ravel()} <= {2, 3, 4}
    nobody = sbpr(replace(dataset(), friends=CSR.from_pairs([], [], M, M)))
    assert not phase(nobody).plan(0).arrays["friends"].any()


def test_other_losses_look_at_the_own_items():
    assert type(phase(sbpr(), "softmax")) is SampledPhase
