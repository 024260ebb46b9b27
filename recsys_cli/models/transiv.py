"""TranSIV: transfer with social interactions and visibility (Lin et al., CIKM 2017), by expectation maximisation.

    x_ui = c_u . ci_i + r_u . ri_i      items, seen with probability mu_i       (ops/exposure.py with lambda_y)
    z_uf = c_u . cf_f + s_u . sf_f      friends, seen with probability eta_f    (the same with lambda_s)

Users have numbers that both matrices share (c) and numbers of each alone (r, s): the transfer is through c. Each iteration
solves c, r, s, then ci, ri, cf, sf, one after the other, each a ridge regression with the posterior of what was seen, at
the newest vectors; c from both matrices. Then

    mu_i = (a + sum_u A_ui - 1) / (a + b + n_users - 2),    eta_f the same with priors of its own.

The paper's text was not at hand; the formulas are those of the authors' code (THUIR/TranSIV), and the defaults those of its
run script.

Deviations:
1. Sizes: the script has 7 shared and 2 + 2 own numbers. Here vectors have `embedding_size` for items and for friends, of
   which `own_size` are not shared.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, Factors, SolvedModel
from recsys_cli.models.social import friends_of
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


class TranSIV(SolvedModel):
    """Tables: common [users, c], and for each domain own [users, r] and columns [items or friends, c + r]."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "normal")
        own_size: int = field(16, "how many numbers of a vector are of one matrix alone", low=1)
        exposure: float = field(0.1, "first probability that a user was shown an item", above=0, below=1)
        social_exposure: float = field(0.01, "first probability that a user knows another", above=0, below=1)
        ridge: float = field(1e-3, "lambda, of all vectors", above=0)
        precision: float = field(1.0, "lambda_y, of the values of items that were seen", above=0)
        social_precision: float = field(0.1, "lambda_s, of the values of friends that were seen", above=0)
        prior_a: float = field(50.0, "of the Beta prior of mu", low=1)
        prior_b: float = field(1.0, "of the Beta prior of mu", low=1)
        social_prior_a: float = field(10.0, "of the Beta prior of eta", low=1)
        social_prior_b: float = field(1.0, "of the Beta prior of eta", low=1)
        exposure_in_score: bool = field(False, "rank by mu times the product of the vectors")

    passes = None

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size, shared = config.embedding_size, config.embedding_size - config.own_size
        if shared < 1:
            raise UserError(
                f"model.own_size={config.own_size} leaves nothing of model.embedding_size={size} to be shared: less."
            )
        self.shared, self.own = slice(0, shared), slice(shared, size)
        self.common = self.parameter("user_common", [self.n_users, shared])
        matrices = {"item": dataset.target_train, "friend": friends_of(dataset, config.name)}
        self.domains = [_Domain(self, name, pairs) for name, pairs in matrices.items()]
        matrix = tf.TensorSpec([None, size])
        self._solve_common = compiled_once_called(self._common_of_both, *[(matrix, matrix, BLOCK)] * 2)

    def _common_of_both(self, of_items, of_friends):
        of_both = zip((of_items, of_friends), self.domains)
        parts = [system(x, others, part, domain.law, self.shared) for (x, others, part), domain in of_both]
        (left, right), (more_left, more_right) = parts
        return solved(left + more_left, right + more_right, self.config.ridge)

    @classmethod
    def memory(cls, config, dataset):
        """As ExpoMF, with two matrices."""
        size, friends = config.embedding_size, friends_of(dataset, config.name)
        users = dataset.n_users * (size + config.own_size)
        return (
            super()
            .memory(config, dataset)
            ._replace(
                parameters=users + (dataset.n_items + friends.n_cols) * (size + 1),
                step=8 * ROWS_AT_A_TIME * size**2 + 6 * ROWS_AT_A_TIME * OTHERS_AT_A_TIME,
                pairs=dataset.target_train.nnz + friends.nnz,
            )
        )

    def begin(self, epoch):
        """Users, then columns, then what was seen: (what to do, number of its block)."""
        of_users, items_and_friends = range(steps(self.n_users)), self.domains
        self._todo = [(self._common, n) for n in of_users]
        self._todo += [(domain.solve_users, n) for domain in items_and_friends for n in of_users]
        for what in ("solve_shared", "solve_own", "count"):
            self._todo += [(getattr(d, what), n) for d in items_and_friends for n in range(steps(d.by_column.n_rows))]
        return len(self._todo)

    def run_step(self, step):
        what, number = self._todo[step]
        what(number)
        return 0.0

    def _common(self, number: int) -> None:
        of_both = []
        for domain in self.domains:
            first, last, part = block(domain.by_user, number, None, domain.exposure)
            of_both.append((domain.users(first, last), tf.convert_to_tensor(domain.columns), part))
        self.common[first:last].assign(self._solve_common(*of_both))

    def scorer(self):
        domain = self.domains[0]
        items = tf.convert_to_tensor(domain.columns)
        if self.config.exposure_in_score:
            items = items * domain.exposure[:, None]
        return Factors(domain.users(0, self.n_users), items)


class _Domain(tf.Module):
    """One matrix, of items or of friends."""

    def __init__(self, model: TranSIV, name: str, pairs):
        super().__init__(name=name)
        config, social = model.config, name == "friend"
        self.model, self.by_user, self.by_column = model, pairs, pairs.T
        self.law = Law(config.social_precision if social else config.precision)
        self.prior = (config.social_prior_a, config.social_prior_b) if social else (config.prior_a, config.prior_b)
        self.of_users = model.parameter(f"user_{name}", [pairs.n_rows, config.own_size])
        self.columns = model.parameter(f"{name}_embedding", [pairs.n_cols, config.embedding_size])
        exposure = config.social_exposure if social else config.exposure
        self.exposure = tf.Variable(tf.fill([pairs.n_cols], float(exposure)), name=f"{name}_exposure")
        matrix = tf.TensorSpec([None, config.embedding_size])

        def solver(place: slice):
            def solve(x, others, part):
                return solved(*system(x, others, part, self.law, place), config.ridge)

            return compiled_once_called(solve, matrix, matrix, BLOCK)

        self._solve = {"shared": solver(model.shared), "own": solver(model.own)}
        self._count = compiled_once_called(
            lambda x, others, part: expected_count(x, others, part, self.law), matrix, matrix, BLOCK
        )

    def users(self, first: int, last: int) -> tf.Tensor:
        return tf.concat([self.model.common[first:last], self.of_users[first:last]], axis=1)

    def solve_users(self, number: int) -> None:
        first, last, part = block(self.by_user, number, None, self.exposure)
        self.of_users[first:last].assign(self._solve["own"](self.users(first, last), self.columns, part))

    def solve_shared(self, number: int) -> None:
        self._solve_columns(number, "shared", self.model.shared)

    def solve_own(self, number: int) -> None:
        self._solve_columns(number, "own", self.model.own)

    def _solve_columns(self, number: int, which: str, place: slice) -> None:
        first, last, part = block(self.by_column, number, self.exposure, None)
        solution = self._solve[which](self.columns[first:last], self.users(0, self.by_user.n_rows), part)
        self.columns[first:last, place].assign(solution)

    def count(self, number: int) -> None:
        first, last, part = block(self.by_column, number, self.exposure, None)
        n = self.by_user.n_rows
        seen = self._count(self.columns[first:last], self.users(0, n), part)
        self.exposure[first:last].assign(most_likely(seen, n, self.prior))
