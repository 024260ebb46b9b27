"""ONCF: a network of convolutions over the outer product of what the fields of user and item add up to.

    y = cnn((sum_u e) (sum_v e)') + sum_f w_f

(He et al., IJCAI 2018, "Outer Product-based Neural Collaborative Filtering", with fields as in the code of CFM.)

Deviations:
1. Weights w are drawn like vectors, in the CFM code from uniform(0, 0.1).
2. loss.l2 weighs the summed vectors of the pairs of a batch, by half their squares (theirs: by the squares).
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import Rows
from recsys_cli.models.fields import FIELD_TABLES, PRETRAINED, FieldPairs, FieldSettings, memory_of
from recsys_cli.ops.convolutions import OuterConvolutions, parameters_of

CHANNELS = [32] * 6


@dataclass(frozen=True)
class ConvolutionSettings(FieldSettings):
    """Of models of convolutions over fields."""

    channels: list[int] = field(CHANNELS, "of each layer of convolutions; embedding_size is 2 to their number", low=1)
    dropout: float = field(0.0, "rate, on the output of the last convolution", low=0, below=1)
    output_l2: float = field(0.0, "times the squares of the last, linear layer", low=0)
    network_l2: float = field(0.0, "times the squares of all layers", low=0)
    pretrained: str | None = field(None, PRETRAINED)


class ONCF(FieldPairs):
    """One outer product of two sums."""

    @dataclass(frozen=True)
    class Settings(ConvolutionSettings): ...

    from_pretrained = FIELD_TABLES

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.network = OuterConvolutions(self.parameter, config.embedding_size, list(config.channels), config.dropout)
        self.items_at_a_time = self.network.at_a_time()

    @classmethod
    def memory(cls, config, dataset):
        shape = config.embedding_size, list(config.channels)
        need = memory_of(config, dataset, parameters_of(*shape))
        return need._replace(
            width=need.width + OuterConvolutions.numbers_of_pair(*shape), scoring=need.scoring + (1 << 25)
        )

    def pair(self, task, encoded, user, item, noise=None):
        both = user.total + tf.zeros_like(item.total), item.total + tf.zeros_like(user.total)
        return self.network(*both, noise) + (user.linear + item.linear)[..., 0]

    def penalised(self, task, encoded, users, items):
        return [
            Rows(side, ids, side.parts(ids, encoded).total) for side, ids in ((self.users, users), (self.items, items))
        ]

    def own_penalty(self, encoded):
        return self.network.penalty(self.config.output_l2, self.config.network_l2)
