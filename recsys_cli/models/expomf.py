"""ExpoMF: matrix factorisation with latent exposure (Liang et al., WWW 2016), by expectation maximisation.

    a_ui ~ Bernoulli(mu_i),    y_ui | a_ui = 1 ~ N(theta_u . beta_i, 1/lambda_y),    y_ui | a_ui = 0 is 0

E-step: A_ui = 1 where observed, else p mu_i / (p mu_i + 1 - mu_i)
        with p = sqrt(lambda_y/(2 pi)) exp(-lambda_y s^2/2), s = theta_u . beta_i.
M-step: theta_u = (lambda_y sum_i A_ui beta_i beta_i' + lambda I)^-1 lambda_y sum_i A_ui y_ui beta_i,
        the same for beta with A from the new theta,
        mu_i = (a + sum_u A_ui - 1) / (a + b + n_users - 2) with A from both.

An epoch is one such iteration, done in blocks of users and then of items (ops/exposure.py).

Deviations:
1. The authors' code (dawenl/expo-mf) takes sqrt(lambda_y pi / 2) for the constant of p, by
   operator precedence: only with `published_constant: true`. Its 1e-8 added to p is kept,
   because it guards the quotient.
2. The authors stop when NDCG@100 on validation drops: trainer.early_stopping=1 trainer.monitor=NDCG@100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, Factors, SolvedModel
from recsys_cli.ops.compiled import compiled_once_called
from recsys_cli.ops.exposure import (
    BLOCK,
    OTHERS_AT_A_TIME,
    ROWS_AT_A_TIME,
    Law,
    block,
    expected_count,
    most_likely,
    solved,
    steps,
    system,
)


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
        law = Law(config.precision, math.sqrt(config.precision * math.pi / 2) if config.published_constant else None)
        everything, matrix = slice(None), tf.TensorSpec([None, size])

        def solve(x, others, part):
            return solved(*system(x, others, part, law, everything), config.ridge)

        self._solve = compiled_once_called(solve, matrix, matrix, BLOCK)
        self._seen = compiled_once_called(
            lambda x, others, part: expected_count(x, others, part, law), matrix, matrix, BLOCK
        )

    @classmethod
    def memory(cls, config, dataset):
        """Moments of d (d + 1) / 2 for a block of rows, as many products of others, systems and their factors in float64."""
        need, size = super().memory(config, dataset), config.embedding_size
        return need._replace(
            parameters=need.parameters + dataset.n_items,
            step=6 * ROWS_AT_A_TIME * size**2 + 6 * ROWS_AT_A_TIME * OTHERS_AT_A_TIME,
        )

    def begin(self, epoch):
        self.user_steps = steps(self.n_users)
        return self.user_steps + steps(self.n_items)

    def run_step(self, step):
        """Solves a block in place: rows of one side do not depend on one another."""
        if step < self.user_steps:
            first, last, part = block(self.by_user, step, None, self.exposure)
            solution = self._solve(self.user_embedding[first:last], self.item_embedding, part)
            self.user_embedding[first:last].assign(solution)
            return 0.0
        first, last, part = block(self.by_item, step - self.user_steps, self.exposure, None)
        solution = self._solve(self.item_embedding[first:last], self.user_embedding, part)
        self.item_embedding[first:last].assign(solution)
        seen = self._seen(solution, self.user_embedding, part)
        prior = self.config.prior_a, self.config.prior_b
        self.exposure[first:last].assign(most_likely(seen, self.n_users, prior))
        return 0.0

    def scorer(self):
        items = tf.convert_to_tensor(self.item_embedding)
        if self.config.exposure_in_score:
            items = items * self.exposure[:, None]
        return Factors(tf.convert_to_tensor(self.user_embedding), items)
