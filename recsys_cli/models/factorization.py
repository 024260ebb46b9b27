"""Matrix factorisation: score = h . (p_u * q_v) [+ b_v], p and q looked up.

Presets (configs/model): `enmf` (thesis chapter 3: h trainable from 0.01), `wmf` (chapter 6: no h), `bpr` (Rendle et
al. 2009: no h), `gmf` (thesis: the network of ENMF with negative sampling). They differ in h, initial values and
default loss only.

Deviations:
1. The authors' code keeps a padding row in the item table, which acts as one more item that nobody chose; here
   histories are not padded and there is none.
2. The authors' code leaves out users without a training item and the last incomplete batch of an epoch; here the
   sum runs over all users and all batches, as in the thesis (eq. 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather, rows
from recsys_cli.ops.layers import dropout


class MatrixFactorization(FactoredModel):
    """One table of user vectors, one of item vectors."""

    user_tables = ("user_embedding",)

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        dropout: float = field(0.0, "rate, on the vectors of the batched side", low=0, below=1)
        prediction_vector: float | None = field(
            None, "starting value of the trainable vector h; null: none, a plain dot product"
        )
        item_bias: bool = field(False, "add a trainable number of each item")

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.h = self.item_bias = None
        if config.prediction_vector is not None:
            self.h = tf.Variable(tf.fill([size], float(config.prediction_vector)), name="h")
        if config.item_bias:
            self.item_bias = tf.Variable(tf.zeros([self.n_items, 1]), name="item_bias")

    @classmethod
    def memory(cls, config, dataset):
        need = super().memory(config, dataset)
        heads = config.embedding_size if config.prediction_vector is not None else 0
        return need._replace(parameters=need.parameters + heads + (dataset.n_items if config.item_bias else 0))

    def encode(self, noise=None):
        return {}  # of rows looked up in this step

    def user_vectors(self, task, encoded, ids=None, noise=None):
        p = dropout(gather(self.user_embedding, ids, encoded), self.config.dropout, noise)
        return p if self.item_bias is None else tf.concat([p, tf.ones_like(p[..., :1])], axis=-1)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        q = dropout(gather(self.item_embedding, ids, encoded), self.config.dropout, noise)
        return q if self.item_bias is None else tf.concat([q, gather(self.item_bias, ids)], axis=-1)

    def penalised(self, task, encoded, users, items):
        found = [rows(self.user_embedding, users, encoded), rows(self.item_embedding, items, encoded)]
        return found if self.item_bias is None else [*found, rows(self.item_bias, items)]

    def prediction_vector(self, task, encoded):
        if self.h is None or self.item_bias is None:
            return self.h
        return tf.concat([self.h, tf.ones([1])], axis=0)
