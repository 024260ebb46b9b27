"""What models of neighbourhoods share: the k most similar columns of each column of a sparse matrix, exactly.

The products are made in blocks of which only the k largest of each row stay: no matrix columns x columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import ModelSettings, Need
from recsys_cli.models.counts import CountedModel, KeptCounts, together, together_without
from recsys_cli.models.item_to_item import BLOCK_CELLS, CoOccurrence
from recsys_cli.models.measure import Measure, moved_columns, with_moved
from recsys_cli.ops.sparse import CPU, VOTES

MOST_MOVED = 2**24  # cells of columns x moved columns; with more, all is solved anew
BM25_K1, BM25_B = 100.0, 0.8  # those of `implicit`, and usual where words are users


@dataclass(frozen=True)
class NeighbourSettings(ModelSettings):
    neighbours: int = field(20, "k, kept per row", low=1)
    memory_mb: int = field(256, "at most, for what is made dense because ranking is faster so", low=0)


@dataclass(frozen=True)
class SimilaritySettings(NeighbourSettings):
    """Of ItemKNN and UserKNN; the similarity is between items or users, from those who have both."""

    similarity: str = field("cosine", "dot: without the norms in the denominator", choices=("cosine", "dot"))
    asymmetry: float = field(0.5, "share of the one to be scored in the norm of cosine; 0.5: symmetric", low=0, high=1)
    weighting: str = field(
        "none",
        "of who (what) they have in common: all the same, or the less the more it has; bm25: and long rows count less",
        choices=("none", "tf_idf", "bm25"),
    )
    shrinkage: float = field(10.0, "added to the denominator: similarities from few count less", low=0)


class NeighbourModel(CountedModel):
    """State: k neighbours of each column of `compared`; none: id 0 and similarity 0."""

    compares_rows = False  # users with each other, not items

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        n = self.compared(dataset.target_train).n_cols
        self.k = min(config.neighbours, n)
        self.neighbours = tf.Variable(tf.zeros([n, self.k], tf.int32), name="neighbours", trainable=False)
        self.similarities = tf.Variable(tf.zeros([n, self.k]), name="similarities", trainable=False)

    @classmethod
    def compared(cls, pairs: CSR) -> CSR:
        """The matrix whose columns are compared: the pairs, or transposed where users are."""
        return pairs.T if cls.compares_rows else pairs

    def measure(self, pairs: CSR) -> Measure:
        """pairs: of `compared`."""
        raise NotImplementedError

    @classmethod
    def memory(cls, config, dataset):
        pairs, n = dataset.target_train, cls.compared(dataset.target_train).n_cols
        k = min(config.neighbours, n)
        votes = min(VOTES, pairs.nnz * k)
        dense = min(config.memory_mb * 2**18, pairs.n_cols * max(pairs.n_cols, pairs.n_rows))
        block = min(BLOCK_CELLS, n * max(n, k))
        return Need(2 * n * k, 6 * block, 8 * votes + dense + 4 * n * k, pairs.nnz, setting="model.neighbours")

    def begin(self, epoch):
        pairs = self.compared(self.tasks[self.target].pairs)
        self._measure = self.measure(pairs)
        self._counts = CoOccurrence(pairs, self._measure.weights, at_least=self.k)
        return len(self._counts.blocks)

    def run_step(self, step):
        self._look_for(self._counts.blocks[step], self._counts)
        return 0.0

    def kept(self, most_mb):
        pairs = self.compared(self.tasks[self.target].pairs)
        measure = self.measure(pairs)
        return {} if measure.normalised or measure.weights is not None else together(pairs, most_mb)

    def lose(self, state, change, most_mb):
        change = change.T if self.compares_rows else change
        self._measure = self.measure(change.after)
        moved = moved_columns(self.measure(change.before), self._measure, change)
        too_many = len(moved) * np.count_nonzero(moved) > min(MOST_MOVED, len(moved) ** 2 // 2)
        if self._measure.normalised or too_many or state["neighbours"].shape[1] != self.k:
            return None
        kept = {} if self._measure.weights is not None else together_without(state, change, most_mb)
        counts = KeptCounts(*kept.values()) if kept else CoOccurrence(change.after, self._measure.weights)
        neighbours, similarities, whole = with_moved(
            state["neighbours"], state["similarities"], change, moved, self._to(np.flatnonzero(moved), counts)
        )
        self.neighbours.assign(neighbours)
        self.similarities.assign(similarities)
        again = np.flatnonzero(whole).astype(np.int32)
        step = max(1, BLOCK_CELLS // max(len(moved), self.k))
        for first in range(0, len(again), step):
            self._look_for(again[first : first + step], counts)
        return kept

    def _to(self, columns: np.ndarray, counts: CoOccurrence | KeptCounts) -> np.ndarray:
        """How similar these columns are to every one, float32 [n, columns]."""
        found = np.zeros((self.neighbours.shape[0], len(columns)), np.float32)
        if len(columns):
            with tf.device(CPU):
                ids, met = counts.met(columns.astype(np.int32))
                place = ids.value_rowids()
                found[ids.values, place] = self._measure.of(met, ids.values, tf.gather(columns, place))
        return found

    def _look_for(self, columns: np.ndarray, counts: CoOccurrence | KeptCounts) -> None:
        """The nearest neighbours of these columns, nearest first (ties: the lower id)."""
        with tf.device(CPU):
            ids, met = counts.met(columns)
            own, others = tf.gather(columns, ids.value_rowids()), ids.values
            values = tf.where(others == own, 0.0, self._measure.of(met, own, others))
            values = ids.with_values(values).to_tensor()
            values = tf.pad(values, [[0, 0], [0, max(0, self.k - values.shape[1])]])
            similarities, place = tf.math.top_k(values, self.k)
            if self._measure.normalised:
                similarities = tf.math.divide_no_nan(similarities, tf.reduce_sum(similarities, axis=1, keepdims=True))
            neighbours = tf.gather(ids.to_tensor(shape=[None, tf.shape(values)[1]]), place, batch_dims=1)
            neighbours = tf.where(similarities > 0, neighbours, 0)
            self.neighbours.scatter_update(tf.IndexedSlices(neighbours, columns))
            self.similarities.scatter_update(tf.IndexedSlices(similarities, columns))

    def similar(self) -> CSR:
        """The neighbours of each column as a sparse matrix, columns x columns."""
        order = np.argsort(self.neighbours.numpy(), axis=1, kind="stable")
        ids, values = (np.take_along_axis(v.numpy(), order, axis=1) for v in (self.neighbours, self.similarities))
        there = values > 0
        return CSR(np.append(0, np.cumsum(there.sum(axis=1))), ids[there], len(ids), values[there])


def similarity(settings: SimilaritySettings, pairs: CSR) -> Measure:
    """The measure that the settings name.

    Weighted, column v has the entries x_rv = f_v g_r: g = ln(m / (1 + l_r)) of the m columns and the l_r of row r;
    f = (k1 + 1) / (k1 (1 - b + b l_v / mean l) + 1) for bm25 (Robertson & Walker 1994), 1 for tf_idf (Salton & Buckley
    1988). Cosine: p_v = |x_v|^(2 a), q_j = |x_j|^(2 - 2 a), asymmetric as in Aiolli 2013.
    """
    weights, factor = None, np.ones(pairs.n_cols)
    if settings.weighting != "none":
        weights = np.square(np.log(pairs.n_cols / (1.0 + pairs.row_lengths))).astype(np.float32)
    if settings.weighting == "bm25":
        length = pairs.col_counts / max(pairs.col_counts.mean(), 1e-9)
        factor = (BM25_K1 + 1) / (BM25_K1 * (1 - BM25_B + BM25_B * length) + 1)
    factors = None if settings.weighting != "bm25" else (factor, factor)
    if settings.similarity == "dot":
        return Measure(weights, factors)
    of_rows = None if weights is None else weights[pairs.rows]
    squares = factor**2 * np.bincount(pairs.indices, of_rows, pairs.n_cols)
    norms = squares**settings.asymmetry, squares ** (1 - settings.asymmetry)
    return Measure(weights, factors, norms, settings.shrinkage)
