"""EASE^R: a linear model of each item by all others, in closed form (Steck 2019).

Minimises |X - X B|^2 + l2 |B|^2 subject to diag(B) = 0, for X the 0/1 matrix users x items:

    P = (X'X + l2 I)^-1     B_jv = -P_jv / P_vv, B_vv = 0     score_uv = sum of B_jv over the items j of u

Deviations:
1. float32, and an inverse in place that makes use of symmetry, instead of float64 and a general one. On MovieLens-1M
   (l2 = 300) the weights differ by at most 4e-6; the largest is 0.31.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import field
from recsys_cli.models.base import ModelSettings, Need
from recsys_cli.models.counts import CountedModel, KeptCounts, together, together_without
from recsys_cli.models.item_to_item import CoOccurrence, ItemToItemModel
from recsys_cli.ops.linalg import invert_in_place
from recsys_cli.ops.sparse import CPU, Rows, sparse_matrix, times

MATRICES = 2  # of n_items x n_items float32 that live at once: the weights, and the inverse that they come from
ROWS_AT_A_TIME = 1024


class EASE(ItemToItemModel, CountedModel):
    """State: the weights B."""

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        l2: float = field(500.0, "in users: it is added to the number of users of each item", above=0)
        memory_gb: float = field(
            4.0, "the most that the matrices may take, 8 bytes x items^2; more is refused before any work", above=0
        )

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        n = self.n_items
        need = MATRICES * 4.0 * n * n / 1e9
        if need > config.memory_gb:
            raise UserError(
                f"model=ease on data={dataset.name} with {n} items needs {need:.3g} GB ({MATRICES} matrices "
                f"of items x items in float32), and model.memory_gb is {config.memory_gb}: raise it if this "
                "machine has the memory, or choose model=item_knn."
            )
        self.weights = tf.Variable(tf.zeros([n, n]), name="weights", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        n = dataset.n_items
        return Need(n**2, step=(MATRICES - 1) * n**2, pairs=dataset.target_train.nnz)

    def run_step(self, step):
        self._solve(CoOccurrence(self.tasks[self.target].pairs))
        return 0.0

    def kept(self, most_mb):
        return together(self.tasks[self.target].pairs, most_mb)

    def lose(self, state, change, most_mb):
        kept = together_without(state, change, most_mb)
        if not kept:
            return None
        self._solve(KeptCounts(*kept.values()))
        return kept

    def _solve(self, counts: CoOccurrence | KeptCounts) -> None:
        inverse = self._gramian(counts)
        invert_in_place(inverse, "model.l2")
        scale = -1 / np.diag(inverse)
        np.fill_diagonal(inverse, 0)
        for first in range(0, self.n_items, ROWS_AT_A_TIME):
            inverse[first : first + ROWS_AT_A_TIME] *= scale
            self.weights[first : first + ROWS_AT_A_TIME].assign(inverse[first : first + ROWS_AT_A_TIME])

    def _gramian(self, counts: CoOccurrence | KeptCounts) -> np.ndarray:
        gramian = np.empty((self.n_items, self.n_items), np.float32)
        for block in counts.blocks:
            gramian[block] = counts.dense(block)
        gramian[np.diag_indices(self.n_items)] += self.config.l2
        return gramian

    def item_weights(self):
        return self.weights.numpy()

    def scorer_of(self, histories):
        rows = Rows(histories)
        with tf.device(CPU):
            weights = tf.identity(self.weights)

        def score(users: tf.Tensor) -> tf.Tensor:
            with tf.device(CPU):
                owners, chosen, _ = rows(users)
                shape = (tf.size(users), self.n_items)
                block = sparse_matrix(owners, chosen, tf.ones_like(chosen, tf.float32), shape)
                return times(block, shape[0], weights)

        return score
