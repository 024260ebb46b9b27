"""Graphs without AutoGraph: loops that say that they are, and a sentence where Python would need a value."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.ops.compiled import compiled, repeat


def test_a_loop_hands_on_its_state_and_does_every_round_in_order():
    seen = tf.Variable(tf.zeros([5], tf.int32))

    def loop(first, last):
        def one(i, total, power):
            seen[i].assign(tf.reduce_max(seen) + 1)
            return total + i, power * 2

        return repeat(first, last, one, (tf.constant(100), tf.constant(1)))

    function = compiled(loop, tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32))
    assert [int(x) for x in function(tf.constant(2), tf.constant(5))] == [109, 8]
    np.testing.assert_array_equal(seen, [0, 0, 1, 2, 3])
    assert [int(x) for x in function(tf.constant(3), tf.constant(3))] == [100, 1]


def larger(x):
    return x if x > 0 else -x


def test_the_value_of_a_tensor_is_not_known():
    with pytest.raises(UserError, match=r"cannot ask for the value of a tensor.*tf\.where.*@tf\.function"):
        compiled(larger, tf.TensorSpec([]))


def test_what_the_message_says_mends_it():
    mended = tf.function(larger)
    assert float(compiled(lambda x: mended(x), tf.TensorSpec([]))(tf.constant(-2.0))) == 2.0
