"""Initial values and dropout from stateless streams, and the product of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from recsys_cli.ops.streams import stateless_seed

# Dropout masks of step s take the seeds s * 64 + purpose; those made while encoding start at FIRST_PURPOSE.
MASKS_PER_STEP, FIRST_PURPOSE = 64, 8
INITIALIZERS = ("truncated_normal", "normal", "xavier_uniform", "uniform")


def initial_values(kind: str, shape: Sequence[int], *, seed: int, purpose: str, scale: float = 0.01) -> tf.Tensor:
    """float32 [shape]. scale: the standard deviation, or for "uniform" the largest absolute value.

    truncated_normal redraws beyond two standard deviations; xavier_uniform ignores the scale and takes
    fan-in and fan-out of the last two axes times the others (Glorot & Bengio 2010, as in TensorFlow 1).
    """
    stream = stateless_seed(seed, f"init/{purpose}")
    if kind == "truncated_normal":
        return tf.random.stateless_truncated_normal(shape, stream, stddev=scale)
    if kind == "normal":
        return tf.random.stateless_normal(shape, stream, stddev=scale)
    if kind == "xavier_uniform":
        others = math.prod(shape[:-2])
        scale = math.sqrt(6.0 / (others * (shape[-2] + shape[-1])))
    elif kind != "uniform":
        raise ValueError(f"unknown initialiser {kind!r}; one of {INITIALIZERS}")
    return tf.random.stateless_uniform(shape, stream, minval=-scale, maxval=scale)


def dropout(x: tf.Tensor, rate: float, noise: tf.Tensor | None, purpose: int = 0) -> tf.Tensor:
    """Drops elements with probability `rate` and scales the rest by 1/(1 - rate); identity without noise.

    noise: int32 [2], the seed of this step; purpose tells several masks of one step apart.
    """
    if noise is None or rate == 0.0:
        return x
    assert purpose < MASKS_PER_STEP, f"mask {purpose} of a step would be one of the next step"
    kept = tf.random.stateless_uniform(tf.shape(x), noise + tf.constant([0, purpose])) >= rate
    return tf.where(kept, x / (1.0 - rate), tf.zeros_like(x))


def times(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[..., a] @ [a, b] -> [..., b], as one product: tf.matmul makes one per leading index.

    With a single column the product is a sum, whose gradient does not depend on the number of threads; that of a
    product does, over 8,192 rows.
    """
    if kernel.shape[1] == 1:
        return tf.reduce_sum(x * kernel[:, 0], axis=-1, keepdims=True)
    return tf.tensordot(x, kernel, 1)
