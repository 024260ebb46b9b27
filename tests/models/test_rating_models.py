"""Models of ratings against their formulas, written down slowly in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.losses import build_phases
from recsys_cli.losses.ratings import RatingSettings
from recsys_cli.models.autorec import AutoRec
from recsys_cli.models.biased_mf import BiasedMF
from recsys_cli.models.item_knn_ratings import ItemKNNRatings
from recsys_cli.models.pcmm import PCMM, clusters
from recsys_cli.models.rating_means import RatingMeans
from tests.tiny import csr

RANDOM = np.random.default_rng(3)
STARS = np.where(RANDOM.random((7, 5)) < 0.6, RANDOM.integers(1, 11, (7, 5)) / 2, 0)
STARS[6] = STARS[:, 4] = 0  # a user and an item without ratings
THERE = STARS > 0
MEAN = STARS[THERE].mean()


def rated(stars=STARS):
    pairs = csr(stars > 0)
    pairs = replace(pairs, values=stars[pairs.rows, pairs.indices].astype(np.float32))
    return Dataset("toy", *stars.shape, "rate", {"rate": pairs})


def made(cls, **settings):
    return cls(cls.Settings(name="toy", **settings), rated(), 0)


def solved(cls, **settings):
    model = made(cls, **settings)
    for step in range(model.begin(0)):
        model.run_step(step)
    return model.scorer()(tf.range(7)).numpy()


def biases(user_damping, item_damping):
    rest = np.where(THERE, STARS - MEAN, 0)
    of_items = rest.sum(0) / np.maximum(THERE.sum(0) + item_damping, 1e-9)
    of_users = np.where(THERE, rest - of_items, 0).sum(1) / np.maximum(THERE.sum(1) + user_damping, 1e-9)
    return MEAN + of_users[:, None] + of_items


def test_means():
    by_user = np.array([row[row > 0].mean() if row.any() else MEAN for row in STARS])
    by_item = np.array([column[column > 0].mean() if column.any() else MEAN for column in STARS.T])
    wanted = {"global": np.full((7, 5), MEAN), "user": np.tile(by_user[:, None], 5), "item": np.tile(by_item, (7, 1))}
    for means, expected in wanted.items():
        np.testing.assert_allclose(solved(RatingMeans, means=means), expected, rtol=1e-6)
    np.testing.assert_allclose(solved(RatingMeans), biases(10, 25), rtol=1e-6)


def test_item_knn_of_ratings():
    base, k, shrinkage = biases(2, 3), 2, 1.5
    rest = np.where(THERE, STARS - base, 0)
    similar = np.zeros((5, 5))
    for v in range(5):
        for j in range(5):
            both = THERE[:, v] & THERE[:, j]
            if v != j and both.any():
                a, b, n = rest[both, v], rest[both, j], both.sum()
                similar[v, j] = max(a @ b / np.sqrt((a @ a) * (b @ b)) * n / (n + shrinkage), 0)
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :k]
    expected = base.copy()
    for u in range(7):
        for v in range(5):
            known = [j for j in nearest[v] if THERE[u, j] and similar[v, j] > 0]
            if known:
                expected[u, v] += similar[v, known] @ rest[u, known] / similar[v, known].sum()
    found = solved(ItemKNNRatings, neighbours=k, shrinkage=shrinkage, user_damping=2.0, item_damping=3.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.abs(expected - base).max() > 0.1


@pytest.mark.parametrize("implicit", [False, True])
def test_biased_factors_and_their_loss(implicit):
    model = made(BiasedMF, embedding_size=3, implicit=implicit, l2=0.3, item_l2=0.2)
    for variable in model.trainable_variables:
        variable.assign(RANDOM.normal(size=variable.shape))
    p, q = model.users.numpy().astype(float), model.items.numpy().astype(float)
    b_u, b_v = model.user_bias.numpy().astype(float), model.item_bias.numpy().astype(float)[:, 0]
    own = p.copy()
    if implicit:
        y = model.implicit.numpy().astype(float)
        own += THERE @ y / np.sqrt(np.maximum(THERE.sum(1), 1))[:, None]
    scores = MEAN + b_u + b_v + own @ q.T
    np.testing.assert_allclose(model.scorer()(tf.range(7)).numpy(), scores, rtol=1e-5)
    n = int(THERE.sum())
    (phase,) = build_phases(RatingSettings(), model, n, 0)
    arrays = {name: tf.constant(array) for name, array in phase.plan(0).arrays.items()}
    users, items = np.nonzero(THERE)
    penalty = 0.15 * (np.square(p[users]).sum() + np.square(b_u[users]).sum())
    penalty += 0.1 * (np.square(q[items]).sum() + np.square(b_v[items]).sum())
    expected = (np.square(STARS - scores)[THERE].sum() + penalty) / n
    assert float(phase.loss(arrays, tf.constant(0), tf.constant([1, 2]))) == pytest.approx(expected, rel=1e-5)


def test_the_plan_has_every_rating_once():
    (phase,) = build_phases(RatingSettings(), made(BiasedMF), 4, 0)
    plan = phase.plan(1)
    seen = np.zeros((7, 5))
    np.add.at(seen, (plan.arrays["users"], plan.arrays["items"]), plan.arrays["ratings"])
    np.testing.assert_array_equal(seen, STARS)
    assert plan.n_steps == -(-int(THERE.sum()) // 4)
    assert not np.array_equal(plan.arrays["ratings"], phase.plan(2).arrays["ratings"])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("side, output, shown", [("item", "identity", "scaled"), ("user", "sigmoid", "centred")])
def test_autorec(side, output, shown):
    model = made(AutoRec, hidden_units=4, side=side, output=output, input=shown, l2=0.01)
    for variable in model.trainable_variables:
        variable.assign(RANDOM.normal(size=variable.shape))
    v, m, w, b = (
        x.numpy().astype(float) for x in (model.encoder, model.encoder_bias, model.decoder, model.decoder_bias)
    )
    rows, there = (STARS.T, THERE.T) if side == "item" else (STARS, THERE)
    low, high = STARS[THERE].min(), STARS.max()
    seen = {"scaled": 0.2 + 0.8 * (rows - low) / (high - low), "centred": rows - MEAN}[shown] * there
    found = sigmoid(seen @ v + m) @ w + b
    if output == "sigmoid":
        found = low + (high - low) * sigmoid(found)
    scores = model.scorer()(tf.range(7)).numpy()
    np.testing.assert_allclose(scores, found.T if side == "item" else found, rtol=1e-4)
    (phase,) = model.phases([], len(rows), 0)
    arrays = {name: tf.constant(array) for name, array in phase.plan(0).arrays.items()}
    expected = np.square(rows - found)[there].mean() + 0.005 * (np.square(v).sum() + np.square(w).sum())
    assert float(phase.loss(arrays, tf.constant(0), tf.constant([1, 2]))) == pytest.approx(expected, rel=1e-4)


def test_autorec_takes_no_other_loss():
    with pytest.raises(UserError, match="model=toy is trained to reconstruct ratings, and takes no other loss"):
        made(AutoRec).phases(["usual"], 8, 0)


def test_no_hidden_units():
    with pytest.raises(UserError, match="hidden_units: expected an integer of at least 1, received 0|hidden_units"):
        made(AutoRec, hidden_units=0)


def test_neighbours_of_users_and_of_their_cluster():
    model = made(PCMM, clusters=2, share=0.3, neighbours=3, shrinkage=2.0)
    for step in range(model.begin(0)):
        model.run_step(step)
    means = np.array([row[row > 0].mean() if row.any() else MEAN for row in STARS])
    rest, labels = np.where(THERE, STARS - means[:, None], 0), model.cluster.numpy()
    assert len(set(labels)) == 2
    inside = rest.copy()
    for label in set(labels):
        mine = labels == label
        inside[mine] -= rest[mine].sum(0) / np.maximum(THERE[mine].sum(0), 1)
    similar = np.zeros((7, 7))
    for u in range(7):
        for w in range(7):
            both = THERE[u] & THERE[w]
            if u != w and both.any():
                cosines = []
                for x in (rest, inside):
                    size = np.sqrt(np.square(x[u, both]).sum() * np.square(x[w, both]).sum())
                    cosines.append(x[u, both] @ x[w, both] / size * both.sum() / (both.sum() + 2) if size > 1e-6 else 0)
                s = 0.3 * cosines[0] + 0.7 * cosines[1] if labels[u] == labels[w] else cosines[0]
                similar[u, w] = max(s, 0)
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :3]
    expected = np.tile(means[:, None], 5)
    for u in range(7):
        for v in range(5):
            known = [w for w in nearest[u] if THERE[w, v] and similar[u, w] > 0]
            if known:
                expected[u, v] += similar[u, known] @ rest[known, v] / similar[u, known].sum()
    np.testing.assert_allclose(model.scorer()(tf.range(7)).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_clusters_of_rows_that_lie_apart():
    rows = np.repeat(np.eye(3), 4, axis=0) + RANDOM.normal(size=(12, 3)) / 50
    for seed in range(20):
        labels = clusters(rows, 3, np.random.default_rng(seed))
        if len(set(labels)) == 3:
            assert all(len(set(labels[first : first + 4])) == 1 for first in (0, 4, 8))
            return
    raise AssertionError("never three clusters")
