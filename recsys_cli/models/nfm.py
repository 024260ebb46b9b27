"""NFM: neural factorisation machines (He & Chua, SIGIR 2017), a network over the interactions of all values.

    y = sum_f w_f + h . phi_L(... phi_1(f_BI(u, v)))          f_BI = 1/2 [(sum e)^2 - sum e^2]

with the sums over the values of the user's and the item's fields. By default as in the CFM code, with BPR.

Deviations:
1. The original program trains with squared loss, batch norm and negatives from a file.
2. Weights w are drawn like vectors, in the CFM code from uniform(0, 0.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.fields import FIELD_TABLES, PRETRAINED, FieldPairs, FieldSettings, memory_of
from recsys_cli.ops.dense import Layers
from recsys_cli.ops.layers import dropout, times


class NFM(FieldPairs):
    """What both sides add up to, squared together and sent through layers."""

    from_pretrained = FIELD_TABLES

    @dataclass(frozen=True)
    class Settings(FieldSettings):
        layer_widths: list[int] = field([64], "of each layer", low=1)
        dropout: float = field(0.4, "rate, on the interactions", low=0, below=1)
        layer_dropout: float = field(0.2, "rate, after each layer", low=0, below=1)
        pretrained: str | None = field(None, PRETRAINED)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        widths = list(config.layer_widths)
        self.layers = Layers(self.parameter, [config.embedding_size, *widths], config.layer_dropout)
        self.h = self.parameter("h", [widths[-1], 1], "normal", math.sqrt(2 / (widths[-1] + 1)))

    @classmethod
    def memory(cls, config, dataset):
        widths = [config.embedding_size, *config.layer_widths, 1]
        network = sum((a + 1) * b for a, b in zip(widths, widths[1:]))
        return memory_of(config, dataset, network, of_pair=2 * sum(widths))

    def pair(self, task, encoded, user, item, noise=None):
        joint = 0.5 * (tf.square(user.total + item.total) - user.squares - item.squares)
        joint = dropout(joint, self.config.dropout, noise, "interactions")
        return (times(self.layers(joint, noise), self.h) + user.linear + item.linear)[..., 0]
