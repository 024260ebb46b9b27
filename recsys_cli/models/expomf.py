"""ExpoMF: matrix factorisation with latent exposure (Liang et al., WWW 2016), by expectation maximisation.

    a_ui ~ Bernoulli(mu_i),    y_ui | a_ui = 1 ~ N(theta_u . beta_i, 1/lambda_y),    y_ui | a_ui = 0 is 0

E-step: A_ui = 1 where observed, else p mu_i / (p mu_i + 1 - mu_i)
        with p = sqrt(lambda_y/(2 pi)) exp(-lambda_y s^2/2), s = theta_u . beta_i.
M-step: theta_u = (lambda_y sum_i A_ui beta_i beta_i' + lambda I)^-1 lambda_y sum_i A_ui y_ui beta_i,
        the same for beta with A from the new theta,
        mu_i = (a + sum_u A_ui - 1) / (a + b + n_users - 2) with A from both.

An epoch is one such iteration, done in blocks of users and then of items; a posterior A is held for one block
and OTHERS_AT_A_TIME columns only.

Deviations:
1. The authors' code (dawenl/expo-mf) takes sqrt(lambda_y pi / 2) for the constant of p, by
   operator precedence: only with `published_constant: true`. Its 1e-8 added to p is kept,
   because it guards the quotient.
2. The authors stop when NDCG@100 on validation drops: trainer.early_stopping=1 trainer.monitor=NDCG@100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import EmbeddingSettings, Factors, SolvedModel
from recsys_cli.ops.compiled import compiled, repeat

MATRIX, IDS = tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32)
ROWS_AT_A_TIME = 1024  # users (items) solved in one step
OTHERS_AT_A_TIME = 1024


class ExpoMF(SolvedModel):
    """State: theta, beta and mu."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "normal")
        exposure: float = field(
            0.01, "first probability that a user was shown an item; the authors search 0.1 to 0.001", above=0, below=1
        )
        ridge: float = field(1e-5, "lambda, of user and item vectors", above=0)
        precision: float = field(1.0, "lambda_y, of the values of exposed pairs", above=0)
        prior_a: float = field(1.0, "of the Beta prior of the exposure", low=1)
        prior_b: float = field(1.0, "of the Beta prior of the exposure", low=1)
        published_constant: bool = field(False, "take the Gaussian constant as the authors' code has it")
        exposure_in_score: bool = field(False, "rank by exposure times the product of the vectors")

    passes = None

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.exposure = tf.Variable(tf.fill([self.n_items], float(config.exposure)), name="exposure")
        self.by_user, self.by_item = dataset.target_train, dataset.target_train.T
        per_precision = math.pi / 2 if config.published_constant else 1 / (2 * math.pi)
        self.density_at_zero = math.sqrt(per_precision * config.precision)
        # Products beta_i beta_j are symmetric: only those with i <= j are summed.
        self.first, self.second = np.triu_indices(size)
        place = np.zeros((size, size), np.int32)
        place[self.first, self.second] = place[self.second, self.first] = np.arange(len(self.first))
        self.place = place.ravel()
        shapes = [MATRIX, MATRIX, IDS, IDS, MATRIX, MATRIX]
        self._solve, self._seen = (compiled(step, *shapes) for step in (self._m_step, self._exposed))

    @classmethod
    def memory(cls, config, dataset):
        """Moments of d (d + 1) / 2 for a block of rows, as many products of others, systems and their factors in float64."""
        need, size = super().memory(config, dataset), config.embedding_size
        return need._replace(
            parameters=need.parameters + dataset.n_items,
            step=6 * ROWS_AT_A_TIME * size**2 + 6 * ROWS_AT_A_TIME * OTHERS_AT_A_TIME,
        )

    def begin(self, epoch):
        self.user_steps = -(-self.n_users // ROWS_AT_A_TIME)
        return self.user_steps + -(-self.n_items // ROWS_AT_A_TIME)

    def run_step(self, step):
        """Solves a block in place: rows of one side do not depend on one another."""
        if step < self.user_steps:
            first, last, rows, cols = _block(self.by_user, step)
            solved = self._solve(
                self.user_embedding[first:last],
                self.item_embedding,
                rows,
                cols,
                tf.ones([last - first, 1]),
                self.exposure[None, :],
            )
            self.user_embedding[first:last].assign(solved)
            return 0.0
        first, last, rows, cols = _block(self.by_item, step - self.user_steps)
        prior = self.exposure[first:last, None], tf.ones([1, self.n_users])
        solved = self._solve(self.item_embedding[first:last], self.user_embedding, rows, cols, *prior)
        self.item_embedding[first:last].assign(solved)
        a, b = self.config.prior_a, self.config.prior_b
        seen = self._seen(solved, self.user_embedding, rows, cols, *prior)
        self.exposure[first:last].assign((a + seen - 1.0) / (a + b + self.n_users - 2.0))
        return 0.0

    def scorer(self):
        items = tf.convert_to_tensor(self.item_embedding)
        if self.config.exposure_in_score:
            items = items * self.exposure[:, None]
        return Factors(tf.convert_to_tensor(self.user_embedding), items)

    def _m_step(self, x, others, rows, cols, row_prior, col_prior):
        """The M-step for vectors x [b, d]: ridge regression on the others [n, d], weighted by A."""
        count, size = tf.shape(x)[0], self.config.embedding_size
        moments = tf.zeros([count, len(self.first)])

        def add(chunk, moments):
            start = chunk * OTHERS_AT_A_TIME
            y = others[start : start + OTHERS_AT_A_TIME]
            products = tf.gather(y, self.first, axis=1) * tf.gather(y, self.second, axis=1)
            return (moments + tf.matmul(self._posterior(x, y, rows, cols, row_prior, col_prior, start), products),)

        (moments,) = repeat(tf.constant(0), _chunks(others), add, (moments,))
        observed = tf.math.segment_sum(tf.gather(others, cols), rows)
        observed = tf.pad(observed, [[0, count - tf.shape(observed)[0]], [0, 0]])
        # lambda may be far below the rounding of the sums, so the system is solved in float64.
        ridge = self.config.ridge * tf.eye(size, dtype=tf.float64)
        left = tf.reshape(tf.gather(moments, self.place, axis=1), [-1, size, size])
        left = self.config.precision * tf.cast(left, tf.float64) + ridge
        right = self.config.precision * tf.cast(observed, tf.float64)
        return tf.cast(tf.linalg.solve(left, right[..., None])[..., 0], tf.float32)

    def _exposed(self, x, others, rows, cols, row_prior, col_prior):
        """Sum of the posterior over the others: [b]."""

        def add(chunk, total):
            start = chunk * OTHERS_AT_A_TIME
            y = others[start : start + OTHERS_AT_A_TIME]
            return (total + tf.reduce_sum(self._posterior(x, y, rows, cols, row_prior, col_prior, start), axis=1),)

        return repeat(tf.constant(0), _chunks(others), add, (tf.zeros([tf.shape(x)[0]]),))[0]

    def _posterior(self, x, y, rows, cols, row_prior, col_prior, start):
        """The E-step: A [b, c] for columns start, start + 1, ...; mu: row_prior [b, 1] x col_prior [1, n]."""
        width = tf.shape(y)[0]
        mu = row_prior * col_prior[:, start : start + width]
        scores = tf.matmul(x, y, transpose_b=True)
        density = self.density_at_zero * tf.exp(-0.5 * self.config.precision * tf.square(scores)) + 1e-8
        posterior = density * mu / (density * mu + 1.0 - mu)
        inside = tf.where((cols >= start) & (cols < start + width))[:, 0]
        at = tf.stack([tf.gather(rows, inside), tf.gather(cols, inside) - start], axis=1)
        return tf.tensor_scatter_nd_update(posterior, at, tf.ones(tf.shape(inside)))


def _chunks(others: tf.Tensor) -> tf.Tensor:
    return -(-tf.shape(others)[0] // OTHERS_AT_A_TIME)


def _block(pairs: CSR, step: int) -> tuple[int, int, tf.Tensor, tf.Tensor]:
    """First and last row of a block, and its observed pairs with rows counted from its first."""
    first = step * ROWS_AT_A_TIME
    last = min(first + ROWS_AT_A_TIME, pairs.n_rows)
    low, high = pairs.indptr[first], pairs.indptr[last]
    return first, last, tf.constant(pairs.rows[low:high] - first), tf.constant(pairs.indices[low:high])
