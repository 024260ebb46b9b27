"""Convolutions over outer products of vectors, halved in size by every layer down to a single place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.ops.layers import dropout, times

WORKING_NUMBERS = 1 << 24  # of the outer products and the first layer, where many pairs are scored


class OuterConvolutions(tf.Module):
    """The outer products of P pairs of vectors [d], stacked to P x d x d, through log2(d) layers (kernel 2 x 2, stride 2,
    ReLU) to one place, then a linear output: He et al., IJCAI 2018 (P = 1); Xin et al., IJCAI 2019.

    parameter: makes a variable (Model.parameter). channels: of each layer. n_pairs: P; kernels are as deep as it takes to
    leave one: P - 1 is spread over all layers but the last (depth 2 each for P = 6 and d = 64).
    """

    def __init__(
        self, parameter: Callable[..., tf.Variable], size: int, channels: Sequence[int], rate: float, n_pairs: int = 1
    ):
        super().__init__(name="convolutions")
        layers = size.bit_length() - 1
        if size != 2**layers or len(channels) != layers or not layers:
            raise UserError(
                f"model.embedding_size={size} and model.channels={list(channels)}: the size is halved by every layer down to "
                "1, so it is 2 to the number of channels, such as 64 with [32,32,32,32,32,32]."
            )
        self.rate, self.n_pairs, self.size = rate, n_pairs, size
        inputs = [1, *channels]
        shapes = [
            ((depth,) if n_pairs > 1 else ()) + (2, 2, a, b)
            for depth, a, b in zip(depths_of(layers, n_pairs), inputs, channels, strict=False)
        ]
        self.kernels = [parameter(f"conv_{n}", shape, "truncated_normal", 0.1) for n, shape in enumerate(shapes, 1)]
        self.biases = [tf.Variable(tf.fill([c], 0.1), name=f"conv_bias_{n}") for n, c in enumerate(channels, 1)]
        self.output = parameter("output", (channels[-1], 1), "truncated_normal", 0.1)
        self.output_bias = tf.Variable(tf.zeros([1]), name="output_bias")

    @staticmethod
    def numbers_of_pair(size: int, channels: Sequence[int], n_pairs: int = 1) -> int:
        """What one scored pair keeps: the outer products, and the largest layer."""
        return n_pairs * (size**2 + (size // 2) ** 2 * channels[0])

    def at_a_time(self) -> int:
        """Pairs that are scored at once in bounded memory."""
        return max(
            16, WORKING_NUMBERS // self.numbers_of_pair(self.size, [b.shape[0] for b in self.biases], self.n_pairs)
        )

    def __call__(self, left: tf.Tensor, right: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """left, right: [..., P, d] (without P where it is 1), of one shape -> [...]"""
        axes = 1 if self.n_pairs == 1 else 2
        leading = tf.shape(left)[:-axes]
        x = left[..., :, None] * right[..., None, :]
        x = tf.reshape(x, [-1, *([self.n_pairs] if axes == 2 else []), self.size, self.size, 1])
        convolve, strides = (tf.nn.conv2d, [1, 2, 2, 1]) if axes == 1 else (tf.nn.conv3d, [1, 1, 2, 2, 1])
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            x = tf.nn.relu(convolve(x, kernel, strides, "VALID") + bias)
        x = dropout(tf.reshape(x, [-1, x.shape[-1]]), self.rate, noise, "convolved")
        return tf.reshape(times(x, self.output) + self.output_bias, leading)

    def penalty(self, output_l2: float, network_l2: float) -> tf.Tensor | None:
        """Squares, without a half: of the output layer, and of all layers."""
        if not output_l2 and not network_l2:
            return None
        output = [self.output, self.output_bias]
        squares = [tf.reduce_sum(tf.square(v)) for v in output]
        inner = [tf.reduce_sum(tf.square(v)) for v in (*self.kernels, *self.biases)]
        return (output_l2 + network_l2) * tf.add_n(squares) + network_l2 * tf.add_n(inner)


def parameters_of(size: int, channels: Sequence[int], n_pairs: int = 1) -> int:
    """How many numbers the layers have."""
    sizes = zip(depths_of(len(channels), n_pairs), (1, *channels), channels, strict=False)
    return sum(4 * depth * a * b + b for depth, a, b in sizes) + channels[-1] + 1


def depths_of(layers: int, n_pairs: int) -> list[int]:
    """Of the kernels: as many as it takes to leave one of the pairs, spread over all layers but the last."""
    if layers == 1:
        return [n_pairs]
    deep, rest = divmod(n_pairs - 1, layers - 1)
    return [1 + deep + (n < rest) for n in range(layers - 1)] + [1]
