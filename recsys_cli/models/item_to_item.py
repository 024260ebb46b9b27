"""Models that score items by weights between items, and how often two items have a user in common."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import Scorer, SolvedModel
from recsys_cli.ops.sparse import CPU, Product, sparse_matrix

BLOCK_CELLS = 2**22  # of one block of counts: 16 MB where it is made dense


class ItemToItemModel(SolvedModel):
    """score_uv = sum over the items j of u of W_jv: whoever has items has scores, known to the training or not."""

    def item_weights(self) -> CSR | np.ndarray:
        """W, items x items: sparse, or dense float32."""
        raise NotImplementedError

    def scorer_of(self, histories: CSR) -> Scorer:
        """Scores of all items for the rows of a matrix of anybody's items, n x items; ratings in it count for nothing."""
        weights = self.item_weights()
        assert isinstance(weights, CSR), "who has dense ones scores in a way of its own"
        return Product(replace(histories, values=None), weights, self.config.memory_mb)

    def scorer(self):
        return self.scorer_of(self.tasks[self.target].pairs)


class CoOccurrence:
    """Rows of X' diag(w) X, for X the 0/1 matrix `pairs`, n x m: for w = 1, the number of rows that have both columns.

    weights: w, float32 [n]; None: 1. blocks: ids of the columns that make one step's work, in the order of the
    ids, or with at_least given (the fewest cells to reckon with for a column) by how many others they can meet,
    so that rows of a block are of like length.
    """

    def __init__(self, pairs: CSR, weights: np.ndarray | None = None, at_least: int | None = None):
        self._by_column, self.weights, m = pairs.T, weights, pairs.n_cols
        if at_least is None:
            order, cells = np.arange(m, dtype=np.int32), np.full(m, m)
        else:
            met = np.minimum(np.bincount(pairs.indices, pairs.row_lengths[pairs.rows], m), m)
            order = np.argsort(-met, kind="stable").astype(np.int32)
            cells = np.maximum(met[order], at_least)
        self.blocks, first = [], 0
        while first < m:
            last = min(m, first + max(1, int(BLOCK_CELLS // cells[first])))
            self.blocks.append(order[first:last])
            first = last
        with tf.device(CPU):
            self._pairs = sparse_matrix(pairs.rows, pairs.indices, tf.ones([pairs.nnz]), (pairs.n_rows, m))

    def rows(self, columns: np.ndarray) -> tf.Tensor:
        """Of these columns, [b]: a sparse matrix [b, m]; column ids ascend within a row."""
        x = self._by_column
        lengths = x.row_lengths[columns]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) + np.repeat(x.indptr[columns] - ends + lengths, lengths)
        found = x.indices[places]
        values = np.ones(len(found), np.float32) if self.weights is None else self.weights[found]
        with tf.device(CPU):
            rows = np.repeat(np.arange(len(columns)), lengths)
            block = sparse_matrix(rows, found, tf.constant(values), (len(columns), x.n_cols))
            return tf.raw_ops.SparseMatrixSparseMatMul(a=block, b=self._pairs, type=tf.float32)

    def dense(self, columns: np.ndarray) -> np.ndarray:
        """The same, [b, m]."""
        with tf.device(CPU):
            return tf.raw_ops.CSRSparseMatrixToDense(sparse_input=self.rows(columns), type=tf.float32).numpy()

    def met(self, columns: np.ndarray) -> tuple[tf.RaggedTensor, tf.Tensor]:
        """The same as ids of the columns met, [b, None], and how often, in the order of the ids' values."""
        with tf.device(CPU):
            counts = tf.raw_ops.CSRSparseMatrixComponents(
                csr_sparse_matrix=self.rows(columns), index=0, type=tf.float32
            )
            return tf.RaggedTensor.from_row_splits(counts.col_inds, counts.row_ptrs, validate=False), counts.values
