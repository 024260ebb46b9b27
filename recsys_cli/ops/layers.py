"""Initial values and dropout from stateless streams, and the product of a layer."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from recsys_cli.ops.streams import stateless_seed

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


def step_noise(key: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """int64 [2], the seed of one step of one phase: no two steps of a phase share it, and `fold` derives all else.

    key: int32, of (seed, phase). epoch, step: int32.
    """
    key, epoch, step = (tf.cast(part, tf.int64) for part in (key, epoch, step))
    return tf.stack([key, epoch * 2**32 + step])


def fold(noise: tf.Tensor, purpose: str) -> tf.Tensor:
    """int64 [2], the seed of one purpose in one step, for TensorFlow's stateless random operations.

    noise: int [2], of `step_noise`. The name is hashed to 32 bits of the seed that no step has a share in, so that
    purposes meet neither each other nor those of another step.
    """
    key, step = tf.unstack(tf.cast(noise, tf.int64))
    return tf.stack([key * 2**32 + zlib.crc32(purpose.encode()), step])


class NoiseOfRows(NamedTuple):
    """The noise of a step for some rows of its batch, which are to drop what they drop in the whole one.

    seed: int [2]. rows: int32 [b], their places in the batch; n_rows: int32, how many that has.
    """

    seed: tf.Tensor
    rows: tf.Tensor
    n_rows: tf.Tensor


def dropout(x: tf.Tensor, rate: float, noise: tf.Tensor | NoiseOfRows | None, purpose: str = "vectors") -> tf.Tensor:
    """Drops elements with probability `rate` and scales the rest by 1/(1 - rate); identity without noise.

    noise: int [2], the seed of this step; purpose tells several masks of one step apart: equal ones drop the same.
    """
    if noise is None or rate == 0.0:
        return x
    if isinstance(noise, NoiseOfRows):
        shape = tf.concat([[noise.n_rows], tf.shape(x)[1:]], axis=0)
        drawn = tf.gather(tf.random.stateless_uniform(shape, fold(noise.seed, purpose)), noise.rows)
    else:
        drawn = tf.random.stateless_uniform(tf.shape(x), fold(noise, purpose))
    kept = drawn >= rate
    return tf.where(kept, x / (1.0 - rate), tf.zeros_like(x))


def times(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[..., a] @ [a, b] -> [..., b], as one product: tf.matmul makes one per leading index.

    With a single column the product is a sum, whose gradient does not depend on the number of threads; that of a
    product does, over 8,192 rows.
    """
    if kernel.shape[1] == 1:
        return tf.reduce_sum(x * kernel[:, 0], axis=-1, keepdims=True)
    return tf.tensordot(x, kernel, 1)
