"""ENSFM: factorisation machines over all pairs, without sampling (thesis section 5.3; Chen et al., WWW 2020).

With e_f and w_f the vector and the weight of value f, f_BI(S) = 1/2 [(sum_S e)^2 - sum_S e^2], a user with values u and
an item with values v:

    y = w_0 + sum_f w_f + h_1 . (f_BI(u) + f_BI(v)) + h_2 . (sum_u e * sum_v e)                                    (5.5)
    p_u = [sum_u e ; h_1 . f_BI(u) + w_0 + sum_u w ; 1]    q_v = [sum_v e ; 1 ; h_1 . f_BI(v) + sum_v w]       (5.6-5.8)
    y = [h_2 ; 1 ; 1] . (p_u * q_v)                                                                                (5.9)

so that vectors of d + 2 take the loss over all pairs exactly. Numbers x_f scale e_f and w_f. Presets (configs/model):
`ensfm`; with the same loss `ensfm_fm` (h_1 = h_2 = 1: a factorisation machine), `ensfm_nfm` (h_1 = h_2, learnt: NFM
with a linear layer), `ensfm_svdfeature` (no f_BI: SVDFeature); and `fm` (Rendle 2010), by BPR as in the CFM code.

Deviations:
1. Dropout of the interactions, keep 0.9 in the thesis, 1 in the authors' program: all pairs of a step of the loss over
   all pairs share one mask, as in their code (it drops elements of h_1 and h_2); each pair of a sampled loss has its own,
   as in the CFM code.
2. The authors' item list repeats item 0 at its end, which counts it twice; here no item does.
3. Values of different fields never share a row. In the released MovieLens 18 movies share one with a genre
   (`shared: true` in data.item_fields).
4. Numeric fields are standardised; the authors have none.
5. FM: weights are drawn like vectors, in the CFM code from uniform(0, 0.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import FactoredModel
from recsys_cli.models.fields import SIDES, FieldSettings, Side, memory_of
from recsys_cli.ops.layers import dropout


class Step(NamedTuple):
    """found: what was looked up. h1, h2: [d], with the mask of the step."""

    found: dict
    h1: tf.Tensor | None
    h2: tf.Tensor


class FactorizationMachine(FactoredModel):
    """Towers of d + 2 from sums over the values of fields."""

    @dataclass(frozen=True)
    class Settings(FieldSettings):
        dropout: float = field(0.0, "rate, on the interactions", low=0, below=1)
        prediction_vector: float | None = field(
            None, "starting value of the trainable vector h_2 of interactions between user and item; null: ones"
        )
        inside: str = field(
            "same",
            "interactions inside of a side: with a trainable vector h_1 of their own, with h_2, or none",
            choices=("own", "same", "none"),
        )
        global_bias: bool = field(False, "w_0, which a pairwise loss cannot tell")

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size, start = config.embedding_size, config.prediction_vector
        self.users, self.items = (Side(self, dataset, side) for side in SIDES)
        self.h2 = tf.ones([size]) if start is None else tf.Variable(tf.fill([size], float(start)), name="h2")
        self.h1 = self.h2 if config.inside == "same" else None
        if config.inside == "own":
            self.h1 = tf.Variable(tf.fill([size], 1.0 if start is None else float(start)), name="h1")
        self.bias = tf.Variable(0.0, name="global_bias") if config.global_bias else None

    @classmethod
    def memory(cls, config, dataset):
        heads = (config.prediction_vector is not None) + (config.inside == "own")
        return memory_of(config, dataset, heads * config.embedding_size + config.global_bias)

    def encode(self, noise=None):
        rate = self.config.dropout
        h2 = dropout(tf.convert_to_tensor(self.h2), rate, noise, "h2")
        if self.config.inside != "own":
            return Step({}, h2 if self.h1 is not None else None, h2)
        return Step({}, dropout(tf.convert_to_tensor(self.h1), rate, noise, "h1"), h2)

    def user_vectors(self, task, encoded, ids=None, noise=None):
        total, own = self.users.alone(ids, encoded.h1, encoded.found)
        if self.bias is not None:
            own += self.bias
        return tf.concat([total, own, tf.ones_like(own)], axis=-1)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        total, own = self.items.alone(ids, encoded.h1, encoded.found)
        return tf.concat([total, tf.ones_like(own), own], axis=-1)

    def prediction_vector(self, task, encoded):
        return tf.concat([encoded.h2, tf.ones([2])], axis=0)

    def score(self, task, encoded, users, items, noise=None):
        if noise is None or not self.config.dropout:
            return super().score(task, encoded, users, items)
        user, item = self.users.parts(users, encoded.found), self.items.parts(items, encoded.found)
        joint = self.h2 * user.total[:, None] * item.total
        if self.h1 is not None:
            joint += self.h1 * (user.inside[:, None] + item.inside)
        scores = tf.reduce_sum(dropout(joint, self.config.dropout, noise), axis=-1)
        scores += user.linear + item.linear[..., 0]
        return scores if self.bias is None else scores + self.bias

    def penalised(self, task, encoded, users, items):
        return [self.users.named(users, encoded.found), self.items.named(items, encoded.found)]
