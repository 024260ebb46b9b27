"""The loss over all heads, relations and tails against its definition, and lists that stand one after the other."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.ops.flat import places_of, softmax_by_row
from recsys_cli.ops.whole_graph import whole_graph_loss


def test_the_closed_form_is_the_sum_over_all_triples_and_so_is_its_gradient():
    rng = np.random.default_rng(0)
    tables = [tf.Variable(rng.normal(size=(n, 3))) for n in (5, 2, 6)]
    weight = tf.constant(rng.random(5))
    label = rng.random((5, 2, 6)) < 0.3
    label[2] = False  # a head without triples
    triples = tuple(tf.constant(a, tf.int32) for a in np.nonzero(label))
    with tf.GradientTape(persistent=True) as tape:
        fast = 3.0 * whole_graph_loss(*tables, triples, weight)
        scores = tf.einsum("vd,rd,td->vrt", *tables)
        weights = tf.where(label, tf.ones([], scores.dtype), tf.broadcast_to(weight[:, None, None], scores.shape))
        dense = 3.0 * (tf.reduce_sum(weights * tf.square(tf.cast(label, scores.dtype) - scores)) - label.sum())
    np.testing.assert_allclose(fast, dense, rtol=1e-12)
    for a, b in zip(tape.gradient(fast, tables), tape.gradient(dense, tables)):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_places_of_rows_also_where_some_are_empty():
    indptr = tf.constant([0, 2, 2, 5, 6], tf.int32)
    places, owners = places_of(indptr, tf.constant([2, 1, 3, 0, 2, 1]))
    assert places.numpy().tolist() == [2, 3, 4, 5, 0, 1, 2, 3, 4] and owners.numpy().tolist() == [
        0,
        0,
        0,
        2,
        3,
        3,
        4,
        4,
        4,
    ]
    assert [a.shape[0] for a in places_of(indptr, tf.constant([1, 1]))] == [0, 0]
    assert [a.shape[0] for a in places_of(indptr, tf.constant([], tf.int32))] == [0, 0]


def test_softmax_by_row_does_not_overflow():
    logits, owners = tf.constant([1e4, 1e4 + np.log(3), -5.0, 0.0]), tf.constant([0, 0, 2, 2])
    expected = [0.25, 0.75, 1 / (1 + np.exp(5)), 1 / (1 + np.exp(-5))]
    np.testing.assert_allclose(softmax_by_row(logits, owners, 4), expected, rtol=1e-3)
