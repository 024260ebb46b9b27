"""A stack of ReLU layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from recsys_cli.ops.layers import dropout, times


class Layers(tf.Module):
    """phi_L(... phi_1(x)), phi_l(x) = relu(W_l' x + b_l), each with dropout. Weights: Glorot's normal.

    parameter: makes a variable (Model.parameter). widths: of the input, then of each layer.
    """

    def __init__(self, parameter: Callable[..., tf.Variable], widths: Sequence[int], rate: float = 0.0):
        super().__init__(name="layers")
        self.rate = rate
        self.kernels = [
            parameter(f"kernel_{n}", shape, "normal", math.sqrt(2 / sum(shape)))
            for n, shape in enumerate(zip(widths, widths[1:]), 1)
        ]
        self.biases = [tf.Variable(tf.zeros([width]), name=f"bias_{n}") for n, width in enumerate(widths[1:], 1)]

    def __call__(self, x: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        return self.after_first(times(x, self.kernels[0]), noise)

    def after_first(self, product: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """product: W_1' x, which may be the sum of what both sides of a pair bring."""
        x = self._activated(0, product, noise)
        for n, kernel in enumerate(self.kernels[1:], 1):
            x = self._activated(n, times(x, kernel), noise)
        return x

    def _activated(self, n: int, product: tf.Tensor, noise: tf.Tensor | None) -> tf.Tensor:
        return dropout(tf.nn.relu(product + self.biases[n]), self.rate, noise, f"layer_{n + 1}")
