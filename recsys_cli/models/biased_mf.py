"""Matrix factorisation of ratings: r^ = mu + b_u + b_v + p_u . q_v ("SVD": Funk 2006; Koren, Bell & Volinsky 2009).

With `implicit` p_u has also |N(u)|^-1/2 sum of y_j over the items j that u rated (SVD++: Koren 2008, eq. 15). Preset
`pmf` has no biases (probabilistic matrix factorisation: Salakhutdinov & Mnih 2007), with the penalties that the second
paper gives: 0.01 for users and 0.002 for items.

Deviations:
1. Batches and the optimiser of the run instead of one rating at a time.
2. The penalty is l2 / 2 times the squared norm of what stands behind a rating, biases included, averaged over the batch.
3. SVD++ lets only p and q, not y, have a penalty.
4. PMF takes the mean mu off the ratings, as its authors' code does; the second paper gives no size, rate or epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.data.ratings import Ratings
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather
from recsys_cli.ops.propagation import SparseMatrix


class BiasedMF(FactoredModel):
    """Vectors [p, b_u + mu, 1] and [q, 1, b_v], so that a score is one product."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "normal")
        init_scale: float = changed(EmbeddingSettings, "init_scale", 0.1)
        biases: bool = field(True, "of users and items")
        implicit: bool = field(False, "users are also what they rated (SVD++)")
        l2: float = field(0.02, "penalty of the vectors and biases of users, per rating", low=0)
        item_l2: float | None = field(None, "the same of items; null: as of users", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.mean, size = Ratings(dataset).mean, config.embedding_size
        self.users = self.parameter("user_embedding", [self.n_users, size])
        self.items = self.parameter("item_embedding", [self.n_items, size])
        self.user_bias = self.item_bias = self.implicit = None
        if config.biases:
            self.user_bias = tf.Variable(tf.zeros([self.n_users, 1]), name="user_bias")
            self.item_bias = tf.Variable(tf.zeros([self.n_items, 1]), name="item_bias")
        if config.implicit:
            pairs = dataset.target_train
            shares = (1 / np.sqrt(np.maximum(pairs.row_lengths, 1)))[pairs.rows].astype(np.float32)
            self.rated = SparseMatrix(replace(pairs, values=shares))
            self.implicit = self.parameter("implicit_embedding", [self.n_items, size])

    @classmethod
    def memory(cls, config, dataset):
        need, size = super().memory(config, dataset), config.embedding_size
        nodes = dataset.n_users + dataset.n_items
        implicit = size * dataset.n_items if config.implicit else 0
        parameters = need.parameters + nodes * config.biases + implicit
        return need._replace(parameters=parameters, step=2 * size * dataset.n_users if implicit else 0)

    def encode(self, noise=None):
        found = {}  # what this step looks up; the penalty is of that
        if self.implicit is not None:
            found["implicit"] = self.rated.whole(tf.convert_to_tensor(self.implicit))
        return found

    def user_vectors(self, task, encoded, ids=None, noise=None):
        p = encoded["user"] = gather(self.users, ids)
        if self.implicit is not None:
            p += encoded["implicit"] if ids is None else tf.gather(encoded["implicit"], ids)
        ones = tf.ones_like(p[..., :1])
        bias = self.mean * ones
        if self.user_bias is not None:
            encoded["user_bias"] = gather(self.user_bias, ids)
            bias += encoded["user_bias"]
        return tf.concat([p, bias, ones], axis=-1)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        q = encoded["item"] = gather(self.items, ids)
        ones = tf.ones_like(q[..., :1])
        bias = tf.zeros_like(ones)
        if self.item_bias is not None:
            bias = encoded["item_bias"] = gather(self.item_bias, ids)
        return tf.concat([q, ones, bias], axis=-1)

    def own_penalty(self, encoded):
        of_items = self.config.l2 if self.config.item_l2 is None else self.config.item_l2
        weights = {"user": self.config.l2, "user_bias": self.config.l2, "item": of_items, "item_bias": of_items}
        parts = [
            0.5 * weight * tf.reduce_mean(tf.reduce_sum(tf.square(encoded[name]), axis=-1))
            for name, weight in weights.items()
            if name in encoded
        ]
        return tf.add_n(parts)
