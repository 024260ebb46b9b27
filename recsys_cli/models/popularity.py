"""Most popular: score_uv = the number of users who chose item v in training (target behaviour), for any u.

Deviations: none. Items with equal counts come in the order of their ids, as the ranker breaks all ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from recsys_cli.models.base import ModelSettings, Need
from recsys_cli.models.counts import CountedModel


class Popularity(CountedModel):
    """Nothing to set."""

    @dataclass(frozen=True)
    class Settings(ModelSettings): ...

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.counts = tf.Variable(tf.zeros([self.n_items]), name="counts", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        return Need(dataset.n_items, pairs=dataset.target_train.nnz)

    def run_step(self, step):
        self.counts.assign(self.tasks[self.target].pairs.col_counts)
        return 0.0

    def lose(self, state, change, most_mb):
        lost = np.bincount(change.before.indices[change.gone], minlength=change.before.n_cols)
        self.counts.assign((state["counts"] - lost)[change.columns])
        return {}

    def scorer(self):
        counts = tf.convert_to_tensor(self.counts)
        return lambda users: tf.tile(counts[None], [tf.shape(users)[0], 1])
