"""Item-kNN on ratings: what the biases leave over, averaged over the neighbours of an item that the user rated.

    r^_uv = b_uv + sum_j s_vj (r_uj - b_uj) / sum_j |s_vj|,  j in N_k(v) rated by u,   b_uv = mu + b_u + b_v
    s_vj = n_vj / (n_vj + shrinkage) * cosine of v and j over their n_vj common users, of r - b

(Koren 2010, eq. 2 and 3; Bell & Koren 2007.) Where u rated none of the neighbours, r^ = b.

Deviations:
1. N_k(v) are the k items most similar to v, whoever rated them: Koren takes the k among those that u rated, which has to be
   sorted for each pair. With k at or over the number of items the two are the same.
2. Only positive similarities count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.ratings import Ratings
from recsys_cli.models.base import ModelSettings, Need, SolvedModel
from recsys_cli.models.rating_means import biases
from recsys_cli.ops.sparse import Rows

BLOCK = 512  # items whose similarities are made at once


class ItemKNNRatings(SolvedModel):
    """State: biases, and the k nearest items of each one."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        neighbours: int = field(100, "k, kept per item", low=1)
        shrinkage: float = field(100.0, "similarities from few common users count less", low=0)
        user_damping: float = field(10.0, "of the biases, as of model=rating_means", low=0)
        item_damping: float = field(25.0, "the same of items", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.ratings, self.k = Ratings(dataset), min(config.neighbours, self.n_items)
        shapes = {"user_bias": [self.n_users], "item_bias": [self.n_items], "similarities": [self.n_items, self.k]}
        made = {name: tf.Variable(tf.zeros(shape), name=name, trainable=False) for name, shape in shapes.items()}
        self.user_bias, self.item_bias, self.similarities = made.values()
        self.neighbours = tf.Variable(tf.zeros([self.n_items, self.k], tf.int32), name="neighbours", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        items, k = dataset.n_items, min(config.neighbours, dataset.n_items)
        whole = dataset.n_users * items
        parameters = 2 * items * k + dataset.n_users + items
        return Need(
            parameters,
            3 * whole + 4 * BLOCK * items,
            2 * items * items,
            dataset.target_train.nnz,
            setting="model.neighbours",
        )

    def begin(self, epoch):
        ratings, config = self.ratings, self.config
        of_users, of_items = biases(ratings, config.user_damping, config.item_damping)
        self.user_bias.assign(of_users)
        self.item_bias.assign(of_items)
        pairs, shape = ratings.pairs, (self.n_users, self.n_items)
        self._there, self._rest = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._there[pairs.rows, pairs.indices] = 1
        self._rest[pairs.rows, pairs.indices] = self._left_over()
        return -(-self.n_items // BLOCK)

    def run_step(self, step):
        chosen = np.arange(step * BLOCK, min((step + 1) * BLOCK, self.n_items))
        there, rest = tf.constant(self._there), tf.constant(self._rest)
        mine, my_rest = tf.gather(there, chosen, axis=1), tf.gather(rest, chosen, axis=1)
        common = tf.matmul(mine, there, transpose_a=True)
        products = tf.matmul(my_rest, rest, transpose_a=True)
        norms = tf.matmul(my_rest**2, there, transpose_a=True) * tf.matmul(mine, rest**2, transpose_a=True)
        similar = tf.math.divide_no_nan(products * common, tf.sqrt(norms) * (common + self.config.shrinkage))
        similar = tf.where(chosen[:, None] == np.arange(self.n_items), 0.0, tf.maximum(similar, 0.0))
        values, ids = tf.math.top_k(similar, self.k)
        self.similarities.scatter_update(tf.IndexedSlices(values, chosen))
        self.neighbours.scatter_update(tf.IndexedSlices(ids, chosen))
        if chosen[-1] == self.n_items - 1:
            del self._there, self._rest
        return 0.0

    def _left_over(self) -> np.ndarray:
        pairs = self.ratings.pairs
        base = self.ratings.mean + self.user_bias.numpy()[pairs.rows] + self.item_bias.numpy()[pairs.indices]
        return (self.ratings.values - base).astype(np.float32)

    def scorer(self):
        n, pairs = self.n_items, self.ratings.pairs
        places = tf.stack([tf.repeat(tf.range(n), self.k), tf.reshape(self.neighbours, [-1])], axis=1)
        similar = tf.transpose(tf.scatter_nd(places, tf.reshape(self.similarities, [-1]), [n, n]))
        rated, left = Rows(pairs), tf.constant(self._left_over())
        user_bias, item_bias = tf.convert_to_tensor(self.user_bias), tf.convert_to_tensor(self.item_bias)

        def score(users: tf.Tensor) -> tf.Tensor:
            found = rated.places(users)
            cells = tf.stack([tf.cast(found.value_rowids(), tf.int32), tf.gather(rated.indices, found.values)], axis=1)
            shape = tf.stack([tf.size(users), n])
            rest = tf.matmul(tf.scatter_nd(cells, tf.gather(left, found.values), shape), similar)
            weights = tf.matmul(tf.scatter_nd(cells, tf.ones_like(found.values, tf.float32), shape), similar)
            base = self.ratings.mean + tf.gather(user_bias, users)[:, None] + item_bias
            return base + tf.math.divide_no_nan(rest, weights)

        return score
