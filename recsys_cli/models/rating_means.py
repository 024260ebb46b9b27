"""Means of ratings, the yardsticks of every model of ratings.

    global  mu                       user  mean of the user's ratings      item  mean of the item's
    biased  mu + b_v + b_u,  b_v = sum_u (r_uv - mu) / (l_v + n_v),  b_u = sum_v (r_uv - mu - b_v) / (l_u + n_u)

(Koren 2010, eq. 1 and section 2.1.) A user or item without ratings has the mean of all, or a bias of 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.ratings import Ratings
from recsys_cli.models.base import Factors, ModelSettings, Need, SolvedModel


class RatingMeans(SolvedModel):
    """State: what the user and what the item adds to a prediction."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        means: str = field("biased", "of which ratings", choices=("global", "user", "item", "biased"))
        user_damping: float = field(10.0, "l_u: ratings of the mean that every user has beside its own", low=0)
        item_damping: float = field(25.0, "l_v, the same of items", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.ratings = Ratings(dataset)
        self.users = tf.Variable(tf.zeros([self.n_users]), name="user_means", trainable=False)
        self.items = tf.Variable(tf.zeros([self.n_items]), name="item_means", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        return Need(dataset.n_users + dataset.n_items, pairs=dataset.target_train.nnz)

    def run_step(self, step):
        ratings, config = self.ratings, self.config
        users, items = np.full(self.n_users, ratings.mean), np.zeros(self.n_items)
        if config.means == "user":
            users = ratings.user_means
        elif config.means == "item":
            users, items = np.zeros(self.n_users), ratings.item_means
        elif config.means == "biased":
            users, items = biases(ratings, config.user_damping, config.item_damping)
            users = users + ratings.mean
        self.users.assign(users)
        self.items.assign(items)
        errors = ratings.values - users[ratings.pairs.rows] - items[ratings.pairs.indices]
        return float(np.square(errors).mean())

    def scorer(self):
        users, items = (tf.convert_to_tensor(v)[:, None] for v in (self.users, self.items))
        return Factors(tf.concat([users, tf.ones_like(users)], 1), tf.concat([tf.ones_like(items), items], 1))


def biases(ratings: Ratings, user_damping: float, item_damping: float) -> tuple[np.ndarray, np.ndarray]:
    """(b_u float64 [n_users], b_v float64 [n_items])"""
    pairs = ratings.pairs
    rest = ratings.values - ratings.mean
    of_items = _damped(pairs.indices, rest, pairs.col_counts, item_damping)
    of_users = _damped(pairs.rows, rest - of_items[pairs.indices], pairs.row_lengths, user_damping)
    return of_users, of_items


def _damped(ids: np.ndarray, values: np.ndarray, counts: np.ndarray, damping: float) -> np.ndarray:
    return np.bincount(ids, values, len(counts)) / np.maximum(counts + damping, 1e-9)
