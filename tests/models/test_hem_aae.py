"""The tree of means, the mined pool, and the losses of HEM-AAE, against what is counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.models.hem_aae import HEMAAE
from recsys_cli.models.mining import mine, tree_of_means
from tests.models.test_rating_models import rated, sigmoid
from tests.tiny import csr

RANDOM = np.random.default_rng(5)


def matrix(stars):
    pairs = csr(np.array(stars) > 0)
    return replace(pairs, values=np.array(stars, np.float32)[pairs.rows, pairs.indices])


def slow_tree(values, layers):
    """A list of nodes, each the ratings that belong to it and its mean."""
    nodes = [(values, np.mean(values))]
    found = [nodes[0][1]]
    for _ in range(layers - 1):
        children = []
        for own, mean in nodes:
            for part in (own[own > mean], own[own <= mean]):
                children.append((part, part.mean() if len(part) else mean))
        nodes = children
        found += [mean for _, mean in nodes]
    return found


def test_the_tree_of_means():
    stars = np.where(RANDOM.random((6, 9)) < 0.7, RANDOM.integers(1, 6, (6, 9)), 0)
    stars[2] = [3, 0, 3, 0, 0, 0, 0, 0, 0]  # all alike: the first child is empty
    expected = [slow_tree(row[row > 0].astype(float), 3) for row in stars]
    assert tree_of_means(matrix(stars), 3).shape == (6, 7)
    np.testing.assert_allclose(tree_of_means(matrix(stars), 3), expected)
    with_zeros = [slow_tree(row.astype(float), 3) for row in stars]
    np.testing.assert_allclose(tree_of_means(matrix(stars), 3, unrated_as_zero=True), with_zeros)


FEATURES = np.array([0.0, 1.0, 2.1, 3.3, 9.0, 20.0, -50.0])[:, None]
ROWS = np.array([0, 1, 2, 3, 4, 5], np.int32)  # the last one has no ratings


@pytest.mark.parametrize(
    "how, margin, negatives",
    [  # of row 0, whose positives are 1 and 2 at squared distances of 1 and 4.41; 3, 4, 5 are at 10.89, 81 and 400
        ("hard", 0.0, [3, 4]),
        ("semi_hard", 10.0, [3, 4]),
        ("satisfied", 20.0, [4, 5]),
        ("all", 0.0, None),
    ],
)
def test_the_pool(how, margin, negatives):
    pool = mine(FEATURES, ROWS, how, 2, margin, np.random.default_rng(0))
    assert sorted(pool.positives[0]) == [1, 2]
    assert negatives is None or sorted(pool.negatives[0]) == negatives
    for anchor, positives, others in zip(*pool):
        assert len({anchor, *positives, *others}) == 5 and 6 not in others


def test_without_mining_an_item_is_its_own_positive():
    pool = mine(FEATURES, ROWS, "none", 2, 0.0, np.random.default_rng(0))
    assert (pool.positives == ROWS[:, None]).all() and not (pool.negatives == ROWS[:, None]).any()


def test_triplets_are_of_the_pool_and_new_in_each_epoch():
    model = made()
    _, discriminator, generator = model.phases([], 2, 0)
    one, again, other = discriminator.plan(0), generator.plan(0), discriminator.plan(1)
    for name in ("anchors", "positives", "negatives"):
        np.testing.assert_array_equal(one.arrays[name], again.arrays[name])
    assert any((one.arrays[n] != other.arrays[n]).any() for n in one.arrays)
    pool = discriminator.triplets.pool
    for a, p, n in zip(*one.arrays.values()):
        row = pool.anchors.tolist().index(a)
        assert p in pool.positives[row] and n in pool.negatives[row]
    fixed = made(redraw=False).phases([], 2, 0)[1]
    assert all((fixed.plan(0).arrays[n] == fixed.plan(3).arrays[n]).all() for n in one.arrays)


def made(**settings):
    options = {"hidden_units": 3, "discriminator_units": 4, "examples": 1, "l2": 0.0} | settings
    model = HEMAAE(HEMAAE.Settings(name="toy", **options), rated(), 0)
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    return model


def log(p):
    return np.log(np.maximum(p, 1e-12))


@pytest.mark.parametrize("saturating", [True, False])
def test_the_two_players(saturating):
    model = made(adversarial_weight=0.5, saturating=saturating, triplet_weight=0.2, margin=9.0)
    phases = model.phases([], 8, 0)
    assert [phase.name for phase in phases] == ["reconstruction", "discriminator", "generator"]
    arrays = {name: tf.constant(array) for name, array in phases[1].plan(0).arrays.items()}
    d = {name: variable.numpy().astype(float) for name, variable in model.discriminator.items()}
    z = {name: model.codes(ids).numpy().astype(float) for name, ids in arrays.items()}

    def told(codes):
        return sigmoid(sigmoid(codes @ d["kernel"] + d["bias"]) @ d["output"] + d["output_bias"])

    step, noise = tf.constant(0), tf.constant([1, 2])
    expected = -log(told(z["positives"])).mean() - log(1 - told(z["negatives"])).mean()
    assert float(phases[1].loss(arrays, step, noise)) == pytest.approx(expected, rel=1e-4)
    forged = told(z["negatives"])
    near, far = (np.square(z["anchors"] - z[name]).sum(axis=1) for name in ("positives", "negatives"))
    expected = (
        0.5 * (log(1 - forged) if saturating else -log(forged)).mean() + 0.2 * np.maximum(near - far + 9, 0).mean()
    )
    assert float(phases[2].loss(arrays, step, noise)) == pytest.approx(expected, rel=1e-4)


def test_each_player_changes_its_own_variables():
    reconstruction, discriminator, generator = made().phases([], 8, 0)
    names = [{v.name.split(":")[0] for v in phase.variables} for phase in (reconstruction, discriminator, generator)]
    assert names[0] == {"encoder", "encoder_bias", "decoder", "decoder_bias"} and names[2] == {
        "encoder",
        "encoder_bias",
    }
    assert all(name.startswith("discriminator") for name in names[1]) and len(names[1]) == 4


def test_ablations():
    assert [phase.name for phase in made(adversarial_weight=0.0).phases([], 8, 0)] == ["reconstruction"]
    several = made(discriminator_steps=3)
    _, discriminator, generator = several.phases([], 2, 0)
    assert several.turns == (1, 3, 1) and discriminator.plan(0).n_steps == 3 * generator.plan(0).n_steps
    again = made(reconstructed="positives").phases([], 8, 0)[0].plan(0).arrays["ids"]
    np.testing.assert_array_equal(again, generator.triplets.plan(0).arrays["positives"])
