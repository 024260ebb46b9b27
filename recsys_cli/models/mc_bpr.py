"""MC-BPR: multi-channel Bayesian personalised ranking (Loni et al. 2016), for loss=multi_channel_bpr.

    score(u, v) = h . (p_u * q_v)

One score for all behaviours: what tells them apart is how the loss draws its pairs (losses/multi_channel.py).

Deviations:
1. Vector h and dropout on both vectors are those of the reference implementation of the authors' group
   (wgcn96/Multi-behavior); the paper has a plain dot product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather, rows
from recsys_cli.models.behaviours import behaviour_tasks
from recsys_cli.ops.layers import dropout


class MultiChannelBPR(FactoredModel):
    """One score for all behaviours."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        dropout: float = field(0.2, "rate, on user and item vectors", low=0, below=1)

    drops_both_sides = True

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.tasks = tuple(task._replace(weight=1.0) for task in behaviour_tasks(dataset, None))
        self.target = dataset.behaviours.index(dataset.target)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.h = self.parameter("h", [size], "uniform", math.sqrt(3.0 / size))

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return dropout(gather(self.user_embedding, ids), self.config.dropout, noise, "users")

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return dropout(gather(self.item_embedding, ids), self.config.dropout, noise, "items")

    def penalised(self, task, encoded, users, items):
        return [rows(self.user_embedding, users), rows(self.item_embedding, items)]

    def prediction_vector(self, task, encoded):
        return tf.convert_to_tensor(self.h)
