"""ItemKNN: an item's score is the sum of its similarities to those of its nearest neighbours that the user
chose (Sarwar et al. 2001; Deshpande & Karypis 2004).

    s_vj = n_vj / (sqrt(n_v n_j) + shrinkage)        score_uv = sum of s_vj over j in N_k(v) that u chose

n_v: users of item v, n_vj: users of both, N_k(v): the k items most similar to v (ties: the smaller id).

Deviations:
1. The neighbours are those of the item to be scored, as in Sarwar et al. and most libraries; in Deshpande &
   Karypis the neighbours of the user's items get the votes.
2. A plain sum: divided by the sum of similarities, items with a single chosen neighbour would come first.
3. The thesis gives neither similarity nor k; cosine with shrinkage (Bell & Koren 2007) is the common choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import ModelSettings, Need, SolvedModel
from recsys_cli.models.item_to_item import BLOCK_CELLS, CPU, CoOccurrence, Rows

USERS_AT_A_TIME = 256  # at most, in a block of the evaluation


class ItemKNN(SolvedModel):
    """State: k neighbours of each item, similarity 0: none."""

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        neighbours: int = field(20, "k, kept per item", low=1)
        shrinkage: float = field(
            10.0, "in users, added to the denominator: similarities from few users count less", low=0
        )

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.k = min(config.neighbours, self.n_items)
        shape = [self.n_items, self.k]
        self.neighbours = tf.Variable(tf.zeros(shape, tf.int32), name="neighbours", trainable=False)
        self.similarities = tf.Variable(tf.zeros(shape), name="similarities", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        k = min(config.neighbours, dataset.n_items)
        return Need(
            2 * dataset.n_items * k,
            step=4 * BLOCK_CELLS,
            scoring=12 * _votes(dataset, k),
            pairs=dataset.target_train.nnz,
            setting="model.neighbours",
        )

    def begin(self, epoch):
        pairs = self.tasks[self.target].pairs
        self._counts, self._norms = CoOccurrence(pairs), tf.constant(np.sqrt(pairs.col_counts), tf.float32)
        return len(self._counts.blocks)

    def run_step(self, step):
        first, last = self._counts.blocks[step]
        neighbours, similarities = self._nearest(first, last)
        self.neighbours[first:last].assign(neighbours)
        self.similarities[first:last].assign(similarities)
        return 0.0

    def _nearest(self, first: int, last: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids and similarities, [last - first, k], of the nearest neighbours, nearest first."""
        with tf.device(CPU):
            counts = tf.raw_ops.CSRSparseMatrixComponents(
                csr_sparse_matrix=self._counts.rows(first, last), index=0, type=tf.float32
            )
            ids = tf.RaggedTensor.from_row_splits(counts.col_inds, counts.row_ptrs, validate=False)
            items = ids.value_rowids() + first
            norms = tf.gather(self._norms, items) * tf.gather(self._norms, ids.values)
            values = counts.values / (norms + self.config.shrinkage)
            values = ids.with_values(tf.where(ids.values == items, 0.0, values)).to_tensor()
            values = tf.pad(values, [[0, 0], [0, max(0, self.k - values.shape[1])]])
            similarities, place = tf.math.top_k(values, self.k)
            width = tf.shape(values)[1]
            return tf.gather(ids.to_tensor(shape=[None, width]), place, batch_dims=1), similarities

    def scorer(self):
        ids, values = self.neighbours.numpy().ravel(), self.similarities.numpy().ravel()
        order = np.argsort(ids, kind="stable")
        order = order[values[order] > 0]
        indptr = np.searchsorted(ids[order], np.arange(self.n_items + 1))
        # By neighbour: whom its similarity goes to.
        receivers = Rows(CSR(indptr, (order // self.k).astype(np.int32), self.n_items, values[order]))
        histories = Rows(self.tasks[self.target].pairs)

        def score(users: tf.Tensor) -> tf.Tensor:
            with tf.device(CPU):
                owners, chosen, _ = histories(users)
                places, items, similarities = receivers(chosen)
                cells = tf.gather(owners, places) * self.n_items + tf.cast(items, tf.int64)
                n = tf.size(users, out_type=tf.int64)
                return tf.reshape(
                    tf.math.unsorted_segment_sum(similarities, cells, n * self.n_items), [n, self.n_items]
                )

        return score


def _votes(dataset: Dataset, k: int) -> float:
    """How many similarities are added up to score the block of users with most of them, about.

    An item is taken to be the neighbour of others as often as it is popular, and at most of all.
    """
    pairs = dataset.target_train
    receivers = np.minimum(dataset.n_items * k * pairs.col_counts / max(pairs.nnz, 1), dataset.n_items)
    sums = np.append(0.0, np.cumsum(receivers[pairs.indices]))
    per_user = sums[pairs.indptr[1:]] - sums[pairs.indptr[:-1]]
    return float(np.sort(per_user)[-USERS_AT_A_TIME:].sum())
