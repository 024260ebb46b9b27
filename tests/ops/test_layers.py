"""Products of layers have the same bits with any number of threads."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.ops.layers import MASKS_PER_STEP, dropout, times

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


def test_no_mask_of_a_step_is_one_of_the_next():
    ones, rate, key = tf.ones([50]), 0.5, 7
    last = dropout(ones, rate, tf.constant([key, 0]), MASKS_PER_STEP - 1)
    assert (last.numpy() != dropout(ones, rate, tf.constant([key, MASKS_PER_STEP]), 0).numpy()).any()
    with pytest.raises(AssertionError, match="of the next step"):
        dropout(ones, rate, tf.constant([key, 0]), MASKS_PER_STEP)
