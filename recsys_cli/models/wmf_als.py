"""Weighted matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008): score = p_u . q_v.

Minimises over all pairs, with y = c = 1 for the observed ones and y = 0, c = c0 for the rest,

    sum_uv c_uv (y_uv - p_u . q_v)^2 + l2 (|P|^2 + |Q|^2)

by solving, exactly, for every user and then for every item

    (M + (1 - c0) V'V) p_u = V'1        M = c0 Q'Q + l2 I, V = the vectors of the user's items, [m, d]

With `nu` the penalty of a row of m pairs is l2 (m + c0 M)^nu instead of l2, M the number of columns (Rendle et al. 2022).
With `solver=cg` a vector is moved from where it is by a few steps of conjugate gradients (Takacs et al. 2011): cheaper,
and inexact, so that more passes may be needed.

Deviations from the paper:
1. Weights are relative to that of an observed pair: c0 = 1 / (1 + alpha) and l2 = lambda / (1 + alpha) there.
2. Rows with few pairs are solved as p_u = M^-1 V' (I + (1 - c0) V M^-1 V')^-1 1: the same vector, at
   m^3 instead of d^3.
3. Users are solved first, so that only the item vectors need initial values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import EmbeddingSettings, Factors, SolvedModel
from recsys_cli.ops.compiled import compiled_once_called
from recsys_cli.ops.linalg import check_solved, solve_positive_definite

MAX_ROWS, MAX_CELLS = 4096, 2**17  # of one block: rows, and vectors gathered for them
CHUNK = 64  # TensorFlow splits longer sums by the number of threads: the last bits would depend on it


class WeightedALS(SolvedModel):
    """One pass is an epoch; its value is the objective above."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "normal")
        negative_weight: float = field(0.1, "c0, the weight of a pair that was not observed (observed: 1)", low=0)
        l2: float = field(3.0, "times |P|^2 + |Q|^2", above=0)
        nu: float = field(0.0, "0: the same l2 for every row; 1: in proportion to how much it weighs", low=0, high=1)
        solver: str = field("exact", "cg: by conjugate gradients from the last pass on", choices=("exact", "cg"))
        cg_steps: int = field(3, "of solver=cg, for every row in every pass", low=1)

    passes = None

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size, pairs = config.embedding_size, self.tasks[self.target].pairs
        self.user_embedding = tf.Variable(tf.zeros([self.n_users, size]), name="user_embedding")
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self._sides = tuple(_Side(p, config.l2, config.nu, config.negative_weight) for p in (pairs, pairs.T))
        matrix, row, number = tf.TensorSpec([None, size]), tf.TensorSpec([None]), tf.TensorSpec([])
        shapes = [tf.TensorSpec([size, size]), matrix, tf.TensorSpec([None, None], tf.int32), matrix, row, number]
        solvers: list[Callable[..., Any]]
        if config.solver == "cg":
            solvers = [partial(solve_cg, steps=config.cg_steps)]
        else:
            solvers = [solve_long] if config.nu else [solve_long, solve_short]
        self._solvers = [compiled_once_called(solver, *shapes) for solver in solvers]

    @classmethod
    def memory(cls, config, dataset):
        """The vectors gathered for a block, and for each of its rows a system of d x d, a copy and a factor of it."""
        size, rows = config.embedding_size, min(MAX_ROWS, max(dataset.n_users, dataset.n_items))
        return super().memory(config, dataset)._replace(step=2 * MAX_CELLS * size + 3 * rows * size**2)

    def begin(self, epoch):
        self._gramians: dict[bool, tf.Tensor] = {}
        return sum(len(side.bounds) for side in self._sides)

    def run_step(self, step):
        of_users, of_items = self._sides
        if step < len(of_users.bounds):
            self._solve(of_users, step, self.user_embedding, self.item_embedding)
            return 0.0
        block = step - len(of_users.bounds)
        value = -self._solve(of_items, block, self.item_embedding, self.user_embedding)
        if block == 0:
            value += self.tasks[self.target].pairs.nnz  # the error of p = 0, from which every block takes away
            squares = np.sum(np.square(self.user_embedding.numpy()), axis=1, dtype=np.float64)
            value += float(of_users.l2 @ squares)
        return value

    def scorer(self):
        return Factors(tf.convert_to_tensor(self.user_embedding), tf.convert_to_tensor(self.item_embedding))

    def _solve(self, side: _Side, block: int, solved: tf.Variable, fixed: tf.Variable) -> float:
        """Solves the rows of a block; returns by how much they lower the objective from p = 0."""
        rows, lists = side.block(block)
        short = len(self._solvers) > 1 and 2 * lists.shape[1] < self.config.embedding_size
        c0, others = tf.constant(self.config.negative_weight, tf.float32), tf.convert_to_tensor(fixed)
        if (of_users := side is self._sides[0]) not in self._gramians:  # the same for all blocks of a side
            self._gramians = {of_users: c0 * tf.matmul(others, others, transpose_a=True)}
        vectors, gains = self._solvers[short](
            self._gramians[of_users],
            others,
            tf.constant(lists),
            tf.gather(solved, rows),
            tf.constant(side.l2[rows], tf.float32),
            c0,
        )
        check_solved(vectors, "model.l2")
        solved.scatter_update(tf.IndexedSlices(vectors, rows))
        return float(np.sum(vectors.numpy() * gains.numpy(), dtype=np.float64))


class _Side:
    """The rows of one side in blocks of similar length, so that little of a padded block is padding."""

    def __init__(self, pairs: CSR, l2: float, nu: float, c0: float):
        self.pairs, self.l2 = pairs, l2 * (pairs.row_lengths + c0 * pairs.n_cols) ** nu
        self.order = np.argsort(-pairs.row_lengths, kind="stable").astype(np.int32)
        self.bounds, first = [], 0
        while first < pairs.n_rows:
            last = min(first + MAX_ROWS, first + max(1, MAX_CELLS // self._width(first)), pairs.n_rows)
            self.bounds.append((first, last))
            first = last

    def block(self, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Row ids int32 [n] and their column ids int32 [n, width], filled up with n_cols."""
        first, last = self.bounds[b]
        rows, place = self.order[first:last], np.arange(self._width(first))
        inside = place < self.pairs.row_lengths[rows, None]
        source = np.where(inside, self.pairs.indptr[rows, None] + place, 0)
        return rows, np.where(inside, self.pairs.indices[source], self.pairs.n_cols).astype(np.int32)

    def _width(self, first: int) -> int:
        longest = max(1, int(self.pairs.row_lengths[self.order[first]]))
        return longest if longest <= CHUNK else -(-longest // CHUNK) * CHUNK


def solve_long(gramian, fixed, lists, start, l2, c0) -> tuple[tf.Tensor, tf.Tensor]:
    """p and V'1, both [n, d], by systems of d x d.

    gramian: c0 Q'Q, [d, d]. fixed: Q, [m, d]. lists: int32 [n, width], ids of rows of Q, filled up with m. start: [n, d],
    where to start from. l2: [n].
    """
    v = _gathered(fixed, lists)
    n, width, size = tf.shape(lists)[0], tf.shape(lists)[1], fixed.shape[1]
    chunks = tf.reshape(v, [-1, tf.minimum(width, CHUNK), size])
    products = tf.reshape(tf.matmul(chunks, chunks, transpose_a=True), [n, -1, size, size])
    sums = tf.reduce_sum(v, axis=1)
    system = gramian + (1.0 - c0) * tf.reduce_sum(products, axis=1)
    system = tf.linalg.set_diag(system, tf.linalg.diag_part(system) + l2[:, None])
    return solve_positive_definite(system, sums[..., None])[..., 0], sums


def solve_short(gramian, fixed, lists, start, l2, c0) -> tuple[tf.Tensor, tf.Tensor]:
    """The same by systems of width x width (deviation 2), a filled-up place being a row of the identity.

    Where l2 is the same for all rows.
    """
    v = _gathered(fixed, lists)
    identity = tf.eye(fixed.shape[1])
    inverse = solve_positive_definite(gramian + l2[0] * identity, identity)
    w = tf.reshape(tf.matmul(tf.reshape(v, [-1, fixed.shape[1]]), inverse), tf.shape(v))
    system = tf.eye(tf.shape(lists)[1]) + (1.0 - c0) * tf.matmul(v, w, transpose_b=True)
    y = solve_positive_definite(system, tf.ones_like(v[..., :1]))
    return tf.reduce_sum(y * w, axis=1), tf.reduce_sum(v, axis=1)


def solve_cg(gramian, fixed, lists, start, l2, c0, *, steps: int) -> tuple[tf.Tensor, tf.Tensor]:
    """p nearer to the solution than `start`, and 2 V'1 - A p, for A the matrix of the system: p . (2 V'1 - A p) is by
    how much p lowers the objective from p = 0."""
    v = _gathered(fixed, lists)
    n, width, size = tf.shape(lists)[0], tf.shape(lists)[1], fixed.shape[1]
    chunks = tf.reshape(v, [-1, tf.minimum(width, CHUNK), size])
    sums = tf.reduce_sum(v, axis=1)

    def times(x: tf.Tensor) -> tf.Tensor:
        own = tf.reshape(tf.matmul(v, x[:, :, None]), [-1, tf.minimum(width, CHUNK), 1])
        back = tf.reshape(tf.matmul(chunks, own, transpose_a=True), [n, -1, size])
        return tf.matmul(x, gramian) + l2[:, None] * x + (1.0 - c0) * tf.reduce_sum(back, axis=1)

    x, r = start, sums - times(start)
    direction, square = r, tf.reduce_sum(r * r, axis=1, keepdims=True)
    for _ in range(steps):
        image = times(direction)
        step = tf.math.divide_no_nan(square, tf.reduce_sum(direction * image, axis=1, keepdims=True))
        x, r = x + step * direction, r - step * image
        before, square = square, tf.reduce_sum(r * r, axis=1, keepdims=True)
        direction = r + tf.math.divide_no_nan(square, before) * direction
    return x, sums + r


def _gathered(fixed, lists) -> tf.Tensor:
    """V of every row [n, width, d], with zeros where it is filled up."""
    return tf.gather(tf.concat([fixed, tf.zeros_like(fixed[:1])], axis=0), lists)
