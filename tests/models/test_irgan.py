"""IRGAN's phases against their formulas written down slowly, what it draws, and its scores as ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.irgan import IRGAN
from tests.models.test_rating_models import rated, sigmoid
from tests.tiny import csr

STARS = np.array([[5, 4, 0, 1, 0], [0, 5, 2, 4, 0], [2, 3, 1, 0, 0], [0, 0, 4, 5, 3]], float)
LIKED = STARS >= 4
USERS = np.array([3, 0], np.int32)
NOISE = tf.constant([1, 2], tf.int64)


def made(stars=STARS, **settings):
    options = {"embedding_size": 2, "users_at_once": 2, "pretraining": 2, "l2": 0.3} | settings
    model = IRGAN(IRGAN.Settings(name="toy", **options), rated(stars), 0)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.name)).normal(size=variable.shape))
    return model


def all_scores(player):
    users, items, bias = (table.numpy().astype(float) for table in player)
    return users @ items.T + bias[:, 0]


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


DRAWN = np.array([[0, 2, 0, 0, 1], [1, 0, 1, 0, 0]], np.float32)


def loss_of(model, phase, monkeypatch):
    """With DRAWN instead of what is random; and with which chances, for how many, it would have been drawn."""
    asked = {}

    def drawn(owners, chances, noise):
        asked.update(owners=owners.numpy(), chances=chances.numpy())
        return tf.constant(DRAWN)

    monkeypatch.setattr(model, "drawn", drawn)
    value = phase.loss({"users": tf.constant(np.append([2, 2], USERS).astype(np.int32))}, tf.constant(1), NOISE)
    return float(value), asked


def test_the_discriminator(monkeypatch):
    model = made()
    value, asked = loss_of(model, model.phases([], 8, 0)[1], monkeypatch)
    np.testing.assert_array_equal(asked["owners"], [0, 0, 1, 1])  # as many as the user likes
    np.testing.assert_allclose(asked["chances"], softmax(all_scores(model.generator)[USERS] / 0.2), rtol=1e-4)
    scores, expected = all_scores(model.discriminator), 0.0
    users, items, bias = (table.numpy().astype(float) for table in model.discriminator)
    for row, u in enumerate(USERS):
        for v in range(5):
            for times, p in ((LIKED[u, v], sigmoid(scores[u, v])), (DRAWN[row, v], 1 - sigmoid(scores[u, v]))):
                penalty = 0.15 * (users[u] @ users[u] + items[v] @ items[v] + bias[v, 0] ** 2)
                expected += times * (penalty - np.log(p))
    assert value == pytest.approx(expected, rel=1e-5)


def test_the_generator_follows_the_policy_gradient(monkeypatch):
    model = made(mix=0.3)
    phase = model.phases([], 8, 0)[2]
    _, asked = loss_of(model, phase, monkeypatch)
    np.testing.assert_array_equal(np.sort(asked["owners"]), [0] * 4 + [1] * 4)  # twice as many as the user likes
    p, likes = softmax(all_scores(model.generator)[USERS]), LIKED[USERS] / LIKED[USERS].sum(1, keepdims=True)
    m = 0.7 * p + 0.3 * likes
    np.testing.assert_allclose(asked["chances"], m, rtol=1e-4)
    reward = 2 * sigmoid(all_scores(model.discriminator)[USERS]) - 1
    weights = DRAWN * reward * p / m / (2 * LIKED[USERS].sum(1, keepdims=True))
    with tf.GradientTape() as tape:
        value = phase.loss({"users": tf.constant(USERS)}, tf.constant(0), NOISE)
    assert float(value) == pytest.approx(-(weights * np.log(p)).sum(), rel=1e-5)
    (slope,) = tape.gradient(value, [model.generator.bias])
    # d -sum w ln p / d b = p sum w - w, with weights that are constants
    np.testing.assert_allclose(slope.numpy()[:, 0], (p * weights.sum(1, keepdims=True) - weights).sum(0), rtol=1e-4)


def test_items_are_drawn_by_their_chances():
    model = made()
    chances = np.array([[0.5, 0, 0.2, 0.3, 0], [0, 0, 0, 0, 1.0]], np.float32)
    owners = tf.repeat([0, 1, 0], [9000, 50, 1000])
    found = model.drawn(owners, tf.constant(chances), NOISE).numpy()
    np.testing.assert_array_equal(found.sum(axis=1), [10000, 50])
    np.testing.assert_allclose(found[0] / 10000, chances[0], atol=0.02)
    assert found[0, [1, 4]].sum() == 0 and found[1, 4] == 50
    assert (model.drawn(owners, tf.constant(chances), NOISE + 1).numpy() != found).any()


def test_the_hardest_negative_counts():
    model = made(candidates=2, pretraining_l2=0.0)
    phase = model.phases([], 8, 0)[0]
    arrays = {"users": tf.constant([0, 3]), "items": tf.constant([[1, 2, 4], [3, 0, 1]])}
    scores = all_scores(model.generator)
    expected = [
        -np.log(sigmoid(scores[0, 1] - max(scores[0, [2, 4]]))),
        -np.log(sigmoid(scores[3, 3] - max(scores[3, :2]))),
    ]
    assert float(phase.loss(arrays, tf.constant(0), NOISE)) == pytest.approx(np.mean(expected), rel=1e-5)
    drawn = phase.plan(0).arrays
    assert not LIKED[drawn["users"][:, None], drawn["items"][:, 1:]].any()
    assert LIKED[drawn["users"], drawn["items"][:, 0]].all() and len(drawn["users"]) == LIKED.sum()


def test_rounds_come_after_pretraining_and_each_player_changes_its_own():
    model = made(discriminator_passes=4, generator_passes=3)
    phases = model.phases([], 4, 0)
    steps = {phase.name: [phase.plan(epoch).n_steps for epoch in (1, 2)] for phase in phases}
    # three users with something that they like, in steps of two
    assert steps == {"pretraining": [2, 0], "discriminator": [0, 6], "generator": [0, 5]}
    assert sorted(phases[1].plan(2).arrays["users"]) == [0] * 4 + [1] * 4 + [3] * 4
    assert [{v.name.startswith("discriminator") for v in p.variables} for p in phases] == [{False}, {True}, {False}]
    assert [phase.name for phase in made(pretraining=0).phases([], 4, 0)] == ["discriminator", "generator"]
    assert made(pretraining=0).phases([], 4, 0)[0].plan(0).n_steps == 15


def test_scores_become_ratings_without_another_order():
    model = made()
    scores, stars = all_scores(model.generator), model.scorer()(tf.range(4)).numpy()
    rest = np.where(STARS > 0, STARS, np.nan) - np.nanmean(np.where(STARS > 0, STARS, np.nan), axis=1, keepdims=True)
    own = np.where(STARS > 0, scores, np.nan)
    centred = own - np.nanmean(own, axis=1, keepdims=True)
    slope = max(np.nansum(centred * rest) / np.nansum(centred**2), 0.01)
    for u in range(4):
        expected = STARS[u][STARS[u] > 0].mean() + slope * (scores[u] - np.nanmean(own[u]))
        np.testing.assert_allclose(stars[u], expected, rtol=1e-4)
    against = made()
    against.generator.users.assign(-against.generator.users)
    against.generator.bias.assign(-against.generator.bias)
    order = np.argsort(all_scores(against.generator), axis=1)
    np.testing.assert_array_equal(np.argsort(against.scorer()(tf.range(4)).numpy().astype(float), axis=1), order)


def test_without_ratings_all_pairs_are_liked():
    pairs = replace(csr(STARS > 0), values=None)
    model = IRGAN(IRGAN.Settings(name="toy"), Dataset("toy", 4, 5, "buy", {"buy": pairs}), 0)
    assert model.positives.nnz == pairs.nnz
    np.testing.assert_allclose(model.scorer()(tf.range(4)).numpy(), all_scores(model.generator), rtol=1e-5)


def test_refused():
    with pytest.raises(UserError, match="as high as model.relevance=6 .the highest is 5."):
        made(relevance=6.0)
    with pytest.raises(UserError, match="takes no other loss"):
        made().phases(["a phase"], 8, 0)
