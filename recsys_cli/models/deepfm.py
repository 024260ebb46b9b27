"""DeepFM (Guo et al., IJCAI 2017): a factorisation machine and a network over the same vectors.

    y = w . [first-order of each field ; f_BI(u, v) ; phi_L(... phi_1(e_1, ..., e_F))] + b

e_k: the sum of the vectors of field k's values; its first order: of their weights. As in ChenglongChen/tensorflow-DeepFM,
whose last layer weighs all of that.

Deviations:
1. The first layer is computed as A'e_u + B'e_v, the fields of the user and of the item apart: ranking all items takes
   B'e_v once per item. The dropout of its input is of one mask per user of a batch.
2. The score is the logit; the loss applies the sigmoid and draws the negatives, which the authors take from their files.
3. Weights w_f are drawn like vectors (theirs: uniform(0, 1)), biases start at 0 (theirs: drawn as the kernels).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings
from recsys_cli.models.fields import SIDES, FieldPairs, FieldSettings, Side, fields_of, memory_of
from recsys_cli.ops.dense import Layers
from recsys_cli.ops.layers import dropout, times


class Brought(NamedTuple):
    """first: weighted first order, [...]; total, squares: [..., d]; hidden: its share of the first layer."""

    first: tf.Tensor
    total: tf.Tensor
    squares: tf.Tensor
    hidden: tf.Tensor


class DeepFM(FieldPairs):
    """Vectors by field, added up for the factorisation machine, side by side for the network."""

    by_field = True

    @dataclass(frozen=True)
    class Settings(FieldSettings):
        init: str = changed(EmbeddingSettings, "init", "normal")
        layer_widths: list[int] = field([32, 32, 32], "of each layer", low=1)
        layer_dropout: float = field(0.5, "rate, on the input of the network and after each layer", low=0, below=1)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size, widths = config.embedding_size, list(config.layer_widths)
        fields = [self.users.n_fields, self.items.n_fields]
        self.layers = Layers(self.parameter, [sum(fields) * size, *widths], config.layer_dropout)
        shapes = {"first_user": fields[0], "first_item": fields[1], "second": size, "deep": widths[-1]}
        scale = math.sqrt(2 / (sum(shapes.values()) + 1))
        self.output = {name: self.parameter(f"output_{name}", [n, 1], "normal", scale) for name, n in shapes.items()}
        self.bias = tf.Variable(0.0, name="output_bias")
        self._split = [n * size for n in fields]

    def start_at(self, mean):
        self.bias.assign(mean)

    @classmethod
    def memory(cls, config, dataset):
        size, widths = config.embedding_size, list(config.layer_widths)
        fields = sum(len(fields_of(dataset, side, config).names) for side in SIDES)
        inner = [fields * size, *widths]
        network = sum((a + 1) * b for a, b in zip(inner, widths)) + fields + size + widths[-1] + 1
        need = memory_of(config, dataset, network, of_pair=2 * (size + sum(widths)))
        side_by_side = dataset.n_items * fields * size
        return need._replace(scoring=need.scoring + side_by_side, width=need.width + fields * size)

    def user_part(self, task, encoded, ids, noise=None):
        return self._brought(self.users, 0, encoded, ids, noise)

    def item_part(self, task, encoded, ids=None, noise=None):
        return self._brought(self.items, 1, encoded, ids, noise)

    def _brought(self, side: Side, place: int, encoded, ids, noise) -> Brought:
        parts = side.parts(ids, encoded)
        vectors = tf.reshape(parts.total, tf.concat([tf.shape(parts.total)[:-2], [self._split[place]]], axis=0))
        vectors = dropout(vectors, self.config.layer_dropout, noise, f"input_{side.name}")
        kernel = tf.split(self.layers.kernels[0], self._split)[place]
        first = times(parts.linear[..., 0], self.output[f"first_{side.name}"])[..., 0]
        return Brought(
            first, tf.reduce_sum(parts.total, axis=-2), tf.reduce_sum(parts.squares, axis=-2), times(vectors, kernel)
        )

    def pair(self, task, encoded, user, item, noise=None):
        second = 0.5 * (tf.square(user.total + item.total) - user.squares - item.squares)
        deep = self.layers.after_first(user.hidden + item.hidden, noise)
        joint = times(second, self.output["second"]) + times(deep, self.output["deep"])
        return joint[..., 0] + user.first + item.first + self.bias
