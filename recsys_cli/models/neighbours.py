"""What models of neighbourhoods share: the k most similar columns of each column of a sparse matrix, exactly.

    s_vj = a_v b_j n_vj / (p_v q_j + shrinkage)        n_vj = sum of w_r over the rows r with both v and j

The products are made in blocks of which only the k largest of each row stay: no matrix columns x columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import ModelSettings, Need, SolvedModel
from recsys_cli.models.item_to_item import BLOCK_CELLS, CoOccurrence
from recsys_cli.ops.sparse import CPU, VOTES

BM25_K1, BM25_B = 100.0, 0.8  # those of `implicit`, and usual where words are users


class Measure(NamedTuple):
    """Of how similar two columns are, as above. weights: w, [rows]; factors: a and b, norms: p and q, [columns] each.

    None: 1. normalised: the similarities of a column to its neighbours are divided by their sum.
    """

    weights: np.ndarray | None = None
    factors: tuple[np.ndarray, np.ndarray] | None = None
    norms: tuple[np.ndarray, np.ndarray] | None = None
    shrinkage: float = 0.0
    normalised: bool = False


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


class NeighbourModel(SolvedModel):
    """State: k neighbours of each column of `compared`, similarity 0: none."""

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        n = self.compared(dataset.target_train).n_cols
        self.k = min(config.neighbours, n)
        self.neighbours = tf.Variable(tf.zeros([n, self.k], tf.int32), name="neighbours", trainable=False)
        self.similarities = tf.Variable(tf.zeros([n, self.k]), name="similarities", trainable=False)

    @staticmethod
    def compared(pairs: CSR) -> CSR:
        """The matrix whose columns are compared: the pairs, or transposed where users are."""
        return pairs

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
        columns = self._counts.blocks[step]
        neighbours, similarities = self._nearest(columns)
        self.neighbours.scatter_update(tf.IndexedSlices(neighbours, columns))
        self.similarities.scatter_update(tf.IndexedSlices(similarities, columns))
        return 0.0

    def _nearest(self, columns: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids and similarities, [len(columns), k], of the nearest neighbours, nearest first (ties: the lower id)."""
        with tf.device(CPU):
            counts = tf.raw_ops.CSRSparseMatrixComponents(
                csr_sparse_matrix=self._counts.rows(columns), index=0, type=tf.float32
            )
            ids = tf.RaggedTensor.from_row_splits(counts.col_inds, counts.row_ptrs, validate=False)
            own, others = tf.gather(columns, ids.value_rowids()), ids.values
            values = tf.where(others == own, 0.0, _similarity(self._measure, counts.values, own, others))
            values = ids.with_values(values).to_tensor()
            values = tf.pad(values, [[0, 0], [0, max(0, self.k - values.shape[1])]])
            similarities, place = tf.math.top_k(values, self.k)
            if self._measure.normalised:
                similarities = tf.math.divide_no_nan(similarities, tf.reduce_sum(similarities, axis=1, keepdims=True))
            width = tf.shape(values)[1]
            return tf.gather(ids.to_tensor(shape=[None, width]), place, batch_dims=1), similarities

    def similar(self) -> CSR:
        """The neighbours of each column as a sparse matrix, columns x columns."""
        order = np.argsort(self.neighbours.numpy(), axis=1, kind="stable")
        ids, values = (np.take_along_axis(v.numpy(), order, axis=1) for v in (self.neighbours, self.similarities))
        there = values > 0
        return CSR(np.append(0, np.cumsum(there.sum(axis=1))), ids[there], len(ids), values[there])


def _similarity(measure: Measure, counts: tf.Tensor, own: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    if measure.factors is not None:
        a, b = (tf.constant(f, tf.float32) for f in measure.factors)
        counts = counts * tf.gather(a, own) * tf.gather(b, others)
    if measure.norms is None:
        return counts
    p, q = (tf.constant(n, tf.float32) for n in measure.norms)
    return tf.math.divide_no_nan(counts, tf.gather(p, own) * tf.gather(q, others) + measure.shrinkage)


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
