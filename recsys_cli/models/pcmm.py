"""PCMM stand-in: neighbours of a user by a similarity over all ratings and one inside the user's cluster.

    r^_uv = mean_u + sum_w s_uw (r_wv - mean_w) / sum_w s_uw,   w in N_k(u) who rated v
    s_uw = a g_uw + (1 - a) c_uw where u and w are of one cluster, else g_uw

g: cosine over the items that both rated, of the deviations from each user's mean, times n / (n + shrinkage) for n common
items; c: the same of deviations from the mean deviation of the cluster for an item. Clusters by k-means of the rows of
deviations, 0 where there is no rating. Where nobody in N_k(u) rated v, r^ is the user's mean.

Deviations: the second paper names PCMM as a baseline that merges global and within-cluster similarities, and no
description of it was found. All of the above is a construction of our own; its numbers are not those of PCMM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.ratings import Ratings
from recsys_cli.models.base import ModelSettings, Need, SolvedModel
from recsys_cli.ops.streams import generator

BLOCK = 512  # users whose similarities are made at once
MOVES = 30  # of k-means, at most


class PCMM(SolvedModel):
    """State: the cluster of each user, and the k nearest users of each one."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        clusters: int = field(10, "of users", low=1)
        share: float = field(0.5, "a, of the similarity over all ratings", low=0, high=1)
        neighbours: int = field(100, "k, kept per user", low=1)
        shrinkage: float = field(25.0, "similarities from few common items count less", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.ratings, self.k = Ratings(dataset), min(config.neighbours, self.n_users)
        shape = [self.n_users, self.k]
        self.cluster = tf.Variable(tf.zeros([self.n_users], tf.int32), name="cluster", trainable=False)
        self.neighbours = tf.Variable(tf.zeros(shape, tf.int32), name="neighbours", trainable=False)
        self.similarities = tf.Variable(tf.zeros(shape), name="similarities", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        users, whole = dataset.n_users, dataset.n_users * dataset.n_items
        k = min(config.neighbours, users)
        step = 5 * whole + 4 * BLOCK * users
        return Need((2 * k + 1) * users, step, 2 * whole, dataset.target_train.nnz, setting="model.neighbours")

    def begin(self, epoch):
        self._there, self._rest = self._deviations()
        labels = clusters(self._rest, self.config.clusters, generator(self.seed, "clusters"))
        self.cluster.assign(labels)
        self._inside = np.zeros_like(self._rest)
        for label in np.unique(labels):
            mine = labels == label
            means = self._rest[mine].sum(axis=0) / np.maximum(self._there[mine].sum(axis=0), 1)
            self._inside[mine] = (self._rest[mine] - means) * self._there[mine]
        return -(-self.n_users // BLOCK)

    def run_step(self, step):
        chosen, labels = np.arange(step * BLOCK, min((step + 1) * BLOCK, self.n_users)), self.cluster.numpy()
        similar, inside = (self._similarity(values, chosen) for values in (self._rest, self._inside))
        together = labels[chosen][:, None] == labels
        share = self.config.share
        similar = tf.where(together, share * similar + (1 - share) * inside, similar)
        similar = tf.where(chosen[:, None] == np.arange(self.n_users), 0.0, tf.maximum(similar, 0.0))
        values, ids = tf.math.top_k(similar, self.k)
        self.similarities.scatter_update(tf.IndexedSlices(values, chosen))
        self.neighbours.scatter_update(tf.IndexedSlices(ids, chosen))
        if chosen[-1] == self.n_users - 1:
            del self._there, self._rest, self._inside
        return 0.0

    def _similarity(self, values: np.ndarray, chosen: np.ndarray) -> tf.Tensor:
        """float32 [chosen, n_users]"""
        mine, there = values[chosen], self._there
        common = tf.matmul(there[chosen], there, transpose_b=True)
        norms = tf.matmul(mine**2, there, transpose_b=True) * tf.matmul(there[chosen], values**2, transpose_b=True)
        scale = tf.sqrt(norms) * (common + self.config.shrinkage)
        return tf.math.divide_no_nan(tf.matmul(mine, values, transpose_b=True) * common, scale)

    def _deviations(self) -> tuple[np.ndarray, np.ndarray]:
        """(1 where there is a rating, its deviation from the user's mean), float32 [n_users, n_items] each."""
        ratings, pairs = self.ratings, self.ratings.pairs
        there, rest = np.zeros((2, self.n_users, self.n_items), np.float32)
        there[pairs.rows, pairs.indices] = 1
        rest[pairs.rows, pairs.indices] = ratings.values - ratings.user_means[pairs.rows]
        return there, rest

    def scorer(self):
        there, rest = map(tf.constant, self._deviations())
        means, n = tf.constant(self.ratings.user_means, tf.float32), self.n_users
        neighbours, similarities = map(tf.convert_to_tensor, (self.neighbours, self.similarities))

        def score(users: tf.Tensor) -> tf.Tensor:
            b = tf.size(users)
            ids = tf.reshape(tf.gather(neighbours, users), [-1])
            cells = tf.stack([tf.repeat(tf.range(b), self.k), ids], axis=1)
            similar = tf.scatter_nd(cells, tf.reshape(tf.gather(similarities, users), [-1]), tf.stack([b, n]))
            found = tf.math.divide_no_nan(tf.matmul(similar, rest), tf.matmul(similar, there))
            return tf.gather(means, users)[:, None] + found

        return score


def clusters(rows: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    """int32 [n]: k-means by Lloyd's moves from k of the rows; a centre without rows stays where it is."""
    centres = rows[np.sort(random.choice(len(rows), min(k, len(rows)), replace=False))].copy()
    labels = np.full(len(rows), -1)
    for _ in range(MOVES):
        before = labels
        labels = np.argmin(np.square(centres).sum(axis=1) - 2 * rows @ centres.T, axis=1)
        if np.array_equal(labels, before):
            break
        for label in np.unique(labels):
            centres[label] = rows[labels == label].mean(axis=0)
    return labels.astype(np.int32)
