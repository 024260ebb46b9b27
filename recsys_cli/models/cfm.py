"""CFM: convolutional factorisation machines (Xin et al., IJCAI 2019), a network over the outer products of all pairs of
fields.

    y = cnn3d([e_i e_j' for all fields i < j]) + sum_f w_f

e_k: the sum of the vectors of field k's values. As in the authors' code, without attention pooling. With F fields the cube
is F (F - 1) / 2 deep: 10 fields (Frappe) take 45 outer products of a pair, where 4 take 6.

Deviations:
1. The authors' kernels fit four fields (depth 2 in all layers but the last); here the depth follows the fields.
2. Weights w are drawn like vectors, in the authors' code from uniform(0, 0.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import tensorflow as tf

from recsys_cli.models.fields import FIELD_TABLES, SIDES, FieldPairs, fields_of, memory_of
from recsys_cli.models.oncf import ConvolutionSettings
from recsys_cli.ops.convolutions import OuterConvolutions, parameters_of


class CFM(FieldPairs):
    """The outer products of all pairs of fields, users' fields first, convolved in three dimensions."""

    @dataclass(frozen=True)
    class Settings(ConvolutionSettings): ...

    by_field = True
    from_pretrained = FIELD_TABLES

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        pairs = list(combinations(range(self.users.n_fields + self.items.n_fields), 2))
        self._left, self._right = ([pair[end] for pair in pairs] for end in (0, 1))
        shape = config.embedding_size, list(config.channels)
        self.network = OuterConvolutions(self.parameter, *shape, config.dropout, len(pairs))
        self.items_at_a_time = self.network.at_a_time()

    @classmethod
    def memory(cls, config, dataset):
        fields = sum(len(fields_of(dataset, side, config).names) for side in SIDES)
        shape = config.embedding_size, list(config.channels), fields * (fields - 1) // 2
        need = memory_of(config, dataset, parameters_of(*shape))
        in_memory = max(1 << 25, 32 * OuterConvolutions.numbers_of_pair(*shape))
        return need._replace(
            width=need.width + OuterConvolutions.numbers_of_pair(*shape), scoring=need.scoring + in_memory
        )

    def pair(self, task, encoded, user, item, noise=None):
        shape = tf.broadcast_dynamic_shape(tf.shape(user.total)[:-2], tf.shape(item.total)[:-2])
        sides = [tf.broadcast_to(x, tf.concat([shape, x.shape[-2:]], axis=0)) for x in (user.total, item.total)]
        vectors = tf.concat(sides, axis=-2)
        left, right = (tf.gather(vectors, ends, axis=-2) for ends in (self._left, self._right))
        if len(self._left) == 1:
            left, right = left[..., 0, :], right[..., 0, :]
        linear = tf.reduce_sum(user.linear, axis=-2) + tf.reduce_sum(item.linear, axis=-2)
        return self.network(left, right, noise) + linear[..., 0]

    def own_penalty(self, encoded):
        return self.network.penalty(self.config.output_l2, self.config.network_l2)
