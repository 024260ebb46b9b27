"""Sub-models aggregated in closed form: a regression of all pairs on the vectors of all sub-models.

    y_uv = x_u' M z_v        x_u (z_v): the vectors of a user (an item) by all sub-models side by side, K d numbers
    M = (X'X + a I)^-1 X'R Z (Z'Z + b I)^-1

M minimises |R - X M Z'|^2 + b |X M|^2 + a |M Z'|^2 + a b |M|^2 over all pairs, R being 1 where a pair was observed and 0
elsewhere; a, b: `ridge_users` and `ridge_items` times the mean of the diagonals of X'X and Z'Z. These, and X'R Z, are sums
over users, items and pairs, in blocks by two shards: a shard that changes changes its own rows and columns of them. All
of them are made anew all the same, which takes less time than to read what was kept.

The two ridges were chosen on the validation part of MovieLens-1M, WMF, ten shards by interactions.

Not of the thesis, nor of a paper that we know of; the way to solve it is that of a bilinear ridge regression.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.models.base import Factors, SolvedModel
from recsys_cli.ops.sparse import CPU, sparse_matrix, times
from recsys_cli.unlearning.tables import Table


class Regression(SolvedModel):
    """State: M."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        self._users, self._items = (tf.constant(t.vectors.reshape(len(t.vectors), -1)) for t in (users, items))
        size = self._users.shape[1]
        self.mapping = tf.Variable(tf.zeros([size, size]), name="mapping", trainable=False)

    def run_step(self, step):
        pairs = self.tasks[self.target].pairs
        with tf.device(CPU):
            observed = sparse_matrix(pairs.rows, pairs.indices, tf.ones([pairs.nnz]), (pairs.n_rows, pairs.n_cols))
            met = tf.matmul(self._users, times(observed, tf.constant(pairs.n_rows), self._items), transpose_a=True)
            squares = [tf.matmul(side, side, transpose_a=True).numpy() for side in (self._users, self._items)]
        ridges = self.config.ridge_users, self.config.ridge_items
        of_users, of_items = (_ridged(square, ridge) for square, ridge in zip(squares, ridges))
        half = np.linalg.solve(of_users, met.numpy().astype(np.float64))
        self.mapping.assign(np.linalg.solve(of_items, half.T).T)
        return 0.0

    def scorer(self):
        return Factors(tf.matmul(self._users, self.mapping), self._items)


def _ridged(square: np.ndarray, ridge: float) -> np.ndarray:
    """float64; a shard that gives nothing but zeros must not make it singular."""
    found = square.astype(np.float64)
    found[np.diag_indices(len(found))] += ridge * max(float(np.trace(found)) / len(found), 1e-12)
    return found
