"""What all models share."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.models.base import gather


def test_a_step_looks_rows_up_once():
    table, other, ids = tf.Variable(tf.random.normal([5, 3])), tf.Variable(tf.zeros([5, 3])), tf.constant([4, 0, 4])
    with tf.GradientTape() as tape:
        found = {}
        first = gather(table, ids, found)
        assert gather(table, ids, found) is first
        assert gather(other, ids, found) is not first and gather(table, tf.constant([4, 0, 4]), found) is not first
        value = tf.reduce_sum(first) + tf.reduce_sum(tf.square(gather(table, ids, found)))
    gradient = tf.convert_to_tensor(tape.gradient(value, table))
    counts = np.array([1, 0, 0, 0, 2])[:, None]
    np.testing.assert_allclose(gradient, counts * (1 + 2 * table.numpy()), rtol=1e-6)
