"""Products of layers have the same bits with any number of threads."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.ops.layers import dropout, fold, step_noise, times

ROWS = 20_000  # more than the 8,192 from which a product with one column is split between threads


def digest() -> str:
    """Of products and gradients, with one column and with several."""
    outputs = []
    for columns in (1, 32):
        x, kernel = (tf.random.stateless_normal(shape, [5, columns]) for shape in ([ROWS, 64], [64, columns]))
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            product = times(x, kernel)
            loss = tf.reduce_sum(tf.sigmoid(product))
        outputs += [product, *tape.gradient(loss, [x, kernel])]
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in outputs)).hexdigest()


def test_other_threads_give_the_same_bytes(other_threads):
    assert other_threads(digest) == digest()


@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4)])
@pytest.mark.parametrize("columns", [1, 3])
def test_product(shape, columns):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=shape), rng.normal(size=(4, columns))
    np.testing.assert_allclose(times(tf.constant(x), tf.constant(kernel)), x @ kernel, rtol=1e-12)


def test_no_two_masks_share_a_seed():
    """Of different purposes, steps, epochs and phases, whatever their numbers."""
    keys = [0, 1, -1, 2**31 - 1, -(2**31)]
    purposes = ["vectors", "users", "items", "edges/to users", *(f"users of layer {n}" for n in range(100))]
    places = [(k, e, s, p) for k in keys for e in (0, 1, 2000) for s in (0, 1, 64, 2**31 - 1) for p in purposes]
    seeds = {tuple(fold(step_noise(*map(tf.constant, place[:3])), place[3]).numpy()) for place in places}
    assert len(seeds) == len(places)


def test_masks_differ_where_any_part_of_their_seed_does():
    def mask(key, epoch, step, purpose):
        noise = step_noise(*(tf.constant(part) for part in (key, epoch, step)))
        return dropout(tf.ones([200]), 0.5, noise, purpose).numpy()

    base = (7, 3, 5, "users")
    others = [(8, 3, 5, "users"), (7, 4, 5, "users"), (7, 3, 6, "users"), (7, 3, 5, "items"), (7, 5, 3, "users")]
    np.testing.assert_array_equal(mask(*base), mask(*base))
    for other in others:
        assert 60 < (mask(*base) != mask(*other)).sum() < 140
    assert set(mask(*base)) == {0.0, 2.0}
