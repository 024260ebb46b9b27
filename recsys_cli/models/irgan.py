"""IRGAN: a generator of items and a discriminator that play against each other (Wang et al., SIGIR 2017).

Both are matrix factorisations with a bias of each item, s(u, v) = p_u . q_v + b_v. Positives N(u) are what the user rated
at least `relevance`, or all pairs where there are no ratings.

    pretraining     -ln sigma(s_G(u, v) - max over `candidates` negatives of s_G)    the generator alone
    discriminator   -sum ln sigma(s_D(u, v)) - sum ln(1 - sigma(s_D(u, w)))          v in N(u), as many w ~ softmax(s_G / T)
    generator       -mean over 2 |N(u)| items v ~ m of ln p(v | u) R(u, v) p(v | u) / m(v)   p = softmax(s_G)

with R = 2 sigma(s_D) - 1 and m = (1 - mix) p + mix / |N(u)| on N(u): policy gradient with importance sampling. All items are
drawn inside the step. The first `pretraining` epochs are that alone; each later one is a round, of `discriminator_passes`
over the users and then `generator_passes`, each player with a gradient descent of its own. Users are ranked by s_G.

Deviations:
1. Steps have `users_at_once` users instead of one (generator) or 16 pairs (discriminator); losses are added up over them, so
   that the rates of the code mean the same. The discriminator's negatives are new in every pass; in the code in every fifth.
   The code has 15 rounds of 100 and 50 passes, which is 150 of the default 10 and 5.
2. The generator is pretrained here, with the optimiser of the run; the code loads one that is trained pair by pair
   (dynamic negative sampling: Zhang et al. 2013).
3. The penalty of the generator is 0 in the code, and left out here. In the code that of the discriminator, 0.1 / 16, counts
   once for each pair of a batch of 16 or 32; here `l2` is 0.1 once.
4. In the code the epoch with the best P@5 on test is kept; here evaluation.select decides.
5. Its scores are no ratings. Where ratings are to be predicted they are r_u + c (s - s_u): the user's mean rating, the
   mean score of what the user rated, and c, for all users, by least squares on train. That leaves a user's order as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.data.ratings import Ratings
from recsys_cli.losses.base import Phase, Plan
from recsys_cli.losses.sampled import SampledPhase, SampledSettings
from recsys_cli.models.base import EmbeddingSettings, Factors, Need, TrainableModel, rows
from recsys_cli.ops.layers import fold
from recsys_cli.ops.sparse import Rows
from recsys_cli.ops.streams import generator

PIECE = 2**18  # pairs that are scored at once
LEAST_SLOPE = 0.01  # of ratings by scores: higher scores stay higher ratings, beyond the last bits


class Player(NamedTuple):
    """One of the two: [n_users, d], [n_items, d], [n_items, 1]."""

    users: tf.Variable
    items: tf.Variable
    bias: tf.Variable

    def scores(self, users: tf.Tensor) -> tf.Tensor:
        """Of all items, [b, n_items]. users: int32 [b]."""
        return tf.matmul(tf.gather(self.users, users), self.items, transpose_b=True) + self.bias[:, 0]


class IRGAN(TrainableModel):
    """The generator's tables are called as those of bpr, the discriminator's have names of their own."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        embedding_size: int = changed(EmbeddingSettings, "embedding_size", 5)
        init: str = changed(EmbeddingSettings, "init", "uniform")
        init_scale: float = changed(EmbeddingSettings, "init_scale", 0.05)
        relevance: float = field(4.0, "the lowest rating of an item that the user likes")
        pretraining: int = field(30, "epochs before the first round; alone with trainer.epochs=pretraining", low=0)
        candidates: int = field(5, "of pretraining: negatives, of which the one of the highest score counts", low=1)
        pretraining_l2: float = field(
            0.01, "of pretraining: times half the squared norm of the vectors of a pair", low=0
        )
        users_at_once: int = field(32, "in a step of a round; trainer.batch_size is for pretraining", low=1)
        discriminator_passes: int = field(10, "over all users, in a round", low=1)
        generator_passes: int = field(5, "over all users, after them", low=1)
        discriminator_rate: float = field(0.001, "of gradient descent", above=0)
        generator_rate: float = field(0.001, "of gradient descent", above=0)
        l2: float = field(0.1, "of the discriminator: times half the squared norm of the vectors of a pair", low=0)
        temperature: float = field(0.2, "T, at which negatives are drawn for the discriminator", above=0)
        mix: float = field(0.2, "share of positives in what the generator draws", low=0, below=1)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        pairs = dataset.target_train
        self.ratings = None if pairs.values is None else Ratings(dataset)
        self.positives = pairs if self.ratings is None else liked(self.ratings, config.relevance, dataset.name)
        self.users = np.flatnonzero(self.positives.row_lengths).astype(np.int32)
        self.rows = Rows(CSR(self.positives.indptr, self.positives.indices, self.n_items))
        self.generator = self._player("")
        self.discriminator = self._player("discriminator_")

    def _player(self, prefix: str) -> Player:
        size = self.config.embedding_size
        users, items = (
            self.parameter(f"{prefix}{side}_embedding", [n, size])
            for side, n in (("user", self.n_users), ("item", self.n_items))
        )
        return Player(users, items, tf.Variable(tf.zeros([self.n_items, 1]), name=f"{prefix}item_bias"))

    @classmethod
    def memory(cls, config, dataset):
        nodes, size = dataset.n_users + dataset.n_items, config.embedding_size
        parameters = 2 * (nodes * size + dataset.n_items)
        # Scores of both, distributions and what is drawn, of all items; and a gradient that is dense for items.
        step = 12 * config.users_at_once * dataset.n_items + parameters
        epoch = (2 + config.candidates) * dataset.target_train.nnz
        passes = (config.discriminator_passes + config.generator_passes) * dataset.n_users
        return Need(parameters, step + epoch + passes, 0, dataset.target_train.nnz, size, "model.users_at_once")

    def phases(self, usual, batch_size, seed):
        if usual:
            raise UserError(
                f"model={self.name} is trained by its two players, and takes no other loss: leave out loss=..."
            )
        found: list[Phase] = [Discriminator(self, seed), Generator(self, seed)]
        return [Pretraining(self, batch_size, seed), *found] if self.config.pretraining else found

    def drawn(self, owners: tf.Tensor, chances: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """How often each item is drawn, float32 [b, n_items].

        owners: [n], for which row of `chances` an item is drawn. chances: [b, n_items], of sum 1.
        """
        sums = tf.cumsum(tf.cast(chances, tf.float64), axis=1)
        sums /= sums[:, -1:]
        first = tf.range(tf.shape(chances)[0])
        steps = tf.reshape(sums + tf.cast(first[:, None], tf.float64), [-1])
        places = tf.random.stateless_uniform(tf.shape(owners), fold(noise, "items"), dtype=tf.float64)
        cells = tf.searchsorted(steps, places + tf.cast(owners, tf.float64), side="right")
        first = tf.cast(owners, cells.dtype) * self.n_items
        cells = tf.clip_by_value(cells, first, first + self.n_items - 1)
        return counted(cells, tf.shape(chances))

    def score(self, task, encoded, users, items, noise=None):
        p, q = tf.gather(self.generator.users, users), tf.gather(self.generator.items, items)
        return tf.einsum("bd,bmd->bm", p, q) + tf.gather(self.generator.bias, items)[..., 0]

    def penalised(self, task, encoded, users, items):
        g = self.generator
        return [rows(g.users, users), rows(g.items, items), rows(g.bias, items)]

    def scorer(self):
        users, items, bias = (table.numpy() for table in self.generator)
        shift, slope = np.zeros((self.n_users, 1), np.float32), 1.0
        if self.ratings is not None:
            shift, slope = in_stars(self.ratings, users, items, bias[:, 0])
        left = np.concatenate([slope * users, np.full_like(shift, slope), shift], axis=1)
        return Factors(tf.constant(left), tf.constant(np.concatenate([items, bias, np.ones_like(bias)], axis=1)))


class Pretraining(SampledPhase):
    """Every positive once, against the hardest of a few negatives."""

    def __init__(self, model: IRGAN, batch_size: int, seed: int):
        config = SampledSettings(negatives=model.config.candidates, l2=model.config.pretraining_l2)
        super().__init__(config, model, model.target, batch_size, seed, pairs=model.positives)
        self.name, self.value, self.epochs = "pretraining", hardest, model.config.pretraining
        self.variables = list(model.generator)

    def plan(self, epoch):
        plan = super().plan(epoch)
        return plan if epoch < self.epochs else plan._replace(n_steps=0)


def hardest(positive: tf.Tensor, negative: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    """-ln sigma(s+ - max s-): [b], [b, n] -> [b]"""
    return tf.nn.softplus(tf.reduce_max(negative, axis=1) - positive)


class Round(Phase):
    """Several passes over the users that have positives, in an order of its own in each."""

    passes: int

    def __init__(self, model: IRGAN, seed: int):
        self.model, self.seed, self.size = model, seed, model.config.users_at_once

    def plan(self, epoch: int) -> Plan:
        random, users = generator(self.seed, f"batches/{self.name}", epoch), self.model.users
        order = np.concatenate([random.permutation(users) for _ in range(self.passes)])
        return Plan(-(-len(order) // self.size) if epoch >= self.model.config.pretraining else 0, {"users": order})

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        users = arrays["users"][step * self.size : (step + 1) * self.size]
        owners, items, _ = self.model.rows(users)
        owners = tf.cast(owners, tf.int32)
        likes = counted(owners * self.model.n_items + items, [tf.size(users), self.model.n_items])
        return self.of_users(users, owners, likes, noise)

    def of_users(self, users, owners, likes, noise) -> tf.Tensor:
        """users: int32 [b]. owners: of each of their positives its place in `users`, [n]. likes: 1 there, [b, n_items]."""
        raise NotImplementedError


class Discriminator(Round):
    name = "discriminator"

    def __init__(self, model: IRGAN, seed: int):
        super().__init__(model, seed)
        self.passes, self.variables = model.config.discriminator_passes, list(model.discriminator)
        self.optimizer = {"name": "sgd", "learning_rate": model.config.discriminator_rate}

    def of_users(self, users, owners, likes, noise):
        model, player = self.model, self.model.discriminator
        chances = tf.nn.softmax(model.generator.scores(users) / model.config.temperature)
        forged = tf.stop_gradient(model.drawn(owners, chances, noise))
        scores, pairs = player.scores(users), likes + forged
        total = tf.reduce_sum(likes * tf.nn.softplus(-scores) + forged * tf.nn.softplus(scores))
        if model.config.l2:
            of_items = tf.concat([player.items, player.bias], axis=1)
            for axis, table in ((1, tf.gather(player.users, users)), (0, of_items)):
                squares = tf.reduce_sum(tf.square(table), axis=1)
                total += 0.5 * model.config.l2 * tf.reduce_sum(tf.reduce_sum(pairs, axis=axis) * squares)
        return total


class Generator(Round):
    name = "generator"

    def __init__(self, model: IRGAN, seed: int):
        super().__init__(model, seed)
        self.passes, self.variables = model.config.generator_passes, list(model.generator)
        self.optimizer = {"name": "sgd", "learning_rate": model.config.generator_rate}

    def of_users(self, users, owners, likes, noise):
        model, mix = self.model, self.model.config.mix
        scores, n = model.generator.scores(users), tf.reduce_sum(likes, axis=1, keepdims=True)
        chances = tf.nn.softmax(scores)
        drawn_by = (1 - mix) * chances + mix * likes / n
        forged = model.drawn(tf.repeat(owners, 2), drawn_by, noise)
        reward = 2 * tf.sigmoid(model.discriminator.scores(users)) - 1
        # Nothing is drawn where drawn_by is 0.
        weights = tf.stop_gradient(tf.math.divide_no_nan(forged * reward * chances, drawn_by) / (2 * n))
        return -tf.reduce_sum(weights * tf.nn.log_softmax(scores))


def counted(cells: tf.Tensor, shape) -> tf.Tensor:
    """How often each cell of a matrix is named, float32 of this shape. cells: row * columns + column, [n]."""
    counts = tf.math.unsorted_segment_sum(tf.ones_like(cells, tf.float32), cells, shape[0] * shape[1])
    return tf.reshape(counts, shape)


def liked(ratings: Ratings, relevance: float, name: str) -> CSR:
    """The pairs rated so. Raises UserError where there is none."""
    pairs, kept = ratings.pairs, ratings.values >= relevance
    if not kept.any():
        raise UserError(
            f"data={name}: no rating in train is as high as model.relevance={relevance:g} (the highest is "
            f"{ratings.values.max():g}), so there is nothing that anyone likes. Take a lower one."
        )
    return CSR.from_pairs(pairs.rows[kept], pairs.indices[kept], pairs.n_rows, pairs.n_cols)


def in_stars(ratings: Ratings, users: np.ndarray, items: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, float]:
    """(float32 [n_users, 1], c): a score s of a user is worth that user's number + c s."""
    pairs, values = ratings.pairs, ratings.values
    scores = np.empty(pairs.nnz)
    for first in range(0, pairs.nnz, PIECE):
        u, v = pairs.rows[first : first + PIECE], pairs.indices[first : first + PIECE]
        scores[first : first + PIECE] = np.einsum("nd,nd->n", users[u], items[v]) + bias[v]
    means = np.bincount(pairs.rows, scores, pairs.n_rows) / np.maximum(pairs.row_lengths, 1)
    centred, rest = scores - means[pairs.rows], values - ratings.user_means[pairs.rows]
    slope = max(float(centred @ rest) / max(float(centred @ centred), 1e-12), LEAST_SLOPE)
    return (ratings.user_means - slope * means).astype(np.float32)[:, None], slope
