"""Translations of entities: TransR (Lin et al., AAAI 2015), the part that models of knowledge graphs share."""

from __future__ import annotations

import tensorflow as tf


def projected(nodes: tf.Tensor, matrices: tf.Variable, relations: tf.Tensor) -> tf.Tensor:
    """nodes: [b, n, d], matrices: [R, d, k], relations: int32 [b] -> [b, n, k], in the space of the relation."""
    return tf.matmul(nodes, tf.gather(matrices, relations))


def squared_distances(moved: tf.Tensor, relations: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """moved: [b, 3, k] of head, tail and wrong tail; relations: [b, k] -> the distances of both tails, [b] each.

    The relation is added once: a gradient that is a sum of three or more is added up in the order in which memory is free.
    """
    head, tail, wrong = tf.unstack(moved, axis=1)
    goal = head + relations
    near, far = (tf.reduce_sum(tf.square(goal - x), axis=-1) for x in (tail, wrong))
    return near, far
