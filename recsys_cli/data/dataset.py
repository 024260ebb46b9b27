"""The data set in memory: CSR arrays, memory-mapped from a prepared data set, and nothing about files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from data_prep.features import Features
from recsys_cli.data.share import Share


@dataclass(frozen=True)
class CSR:
    """A sparse 0/1 (or valued) matrix by rows; column ids ascend within a row and do not repeat.

    indptr: int64 [rows + 1]; indices: int32 [nnz]; values: float32 [nnz] or None (all ones).
    """

    indptr: np.ndarray
    indices: np.ndarray
    n_cols: int
    values: np.ndarray | None = None

    @classmethod
    def from_pairs(cls, rows: np.ndarray, cols: np.ndarray, n_rows: int, n_cols: int) -> CSR:
        """Builds the matrix from (row, col) pairs in any order; repeated pairs count once."""
        keys = np.sort(np.asarray(rows, np.int64) * n_cols + np.asarray(cols, np.int64))
        keys = keys[np.diff(keys, prepend=-1) > 0]
        indptr = np.searchsorted(keys, np.arange(n_rows + 1, dtype=np.int64) * n_cols)
        return cls(indptr.astype(np.int64), (keys % n_cols).astype(np.int32), n_cols)

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        return len(self.indices)

    @cached_property
    def row_lengths(self) -> np.ndarray:
        """int64 [rows]"""
        return np.diff(self.indptr)

    @cached_property
    def rows(self) -> np.ndarray:
        """Row id of every non-zero, int32 [nnz]."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int32), self.row_lengths)

    @cached_property
    def col_counts(self) -> np.ndarray:
        """int64 [cols]"""
        return np.bincount(self.indices, minlength=self.n_cols)

    @cached_property
    def keys(self) -> np.ndarray:
        """row * n_cols + col of every non-zero, ascending int64 [nnz]."""
        return self.rows.astype(np.int64) * self.n_cols + self.indices

    def contains(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """bool [n]: which of the pairs are stored."""
        if not self.nnz:
            return np.zeros(len(rows), bool)
        wanted = np.asarray(rows, np.int64) * self.n_cols + cols
        position = np.minimum(np.searchsorted(self.keys, wanted), self.nnz - 1)
        return self.keys[position] == wanted

    def row(self, r: int) -> np.ndarray:
        return self.indices[self.indptr[r] : self.indptr[r + 1]]

    def only(self, rows: np.ndarray) -> CSR:
        """The same matrix with all other rows empty. rows: int [r], ascending."""
        lengths = np.zeros(self.n_rows, np.int64)
        lengths[rows] = self.row_lengths[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[rows], lengths[rows])
        values = None if self.values is None else self.values[places]
        return CSR(indptr, self.indices[places], self.n_cols, values)

    @cached_property
    def T(self) -> CSR:
        order = np.argsort(self.indices, kind="stable")
        indptr = np.zeros(self.n_cols + 1, np.int64)
        np.cumsum(self.col_counts, out=indptr[1:])
        values = None if self.values is None else self.values[order]
        return CSR(indptr, self.rows[order], self.n_rows, values)


@dataclass(frozen=True)
class KnowledgeGraph:
    """triples: int32 [T, 3] of head, relation, tail; entities 0..n_items-1 are the items."""

    triples: np.ndarray
    n_entities: int
    n_relations: int


def _no_ids() -> np.ndarray:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Dataset:
    """What models and losses see.

    train: one user x item CSR per behaviour, in causal order; `target` is the behaviour to predict.
    valid, test: held-out pairs of the target behaviour (None where the data set has none).
    test_negatives: int32 [test pairs, n] candidates given by the source (NCF protocol), in the row order of `test`.
    rating_scale: the lowest and the highest rating where they are declared (ratings.py).
    user_ids, item_ids: the raw ids by internal id; empty where there are none. notes: what a reader of results should
    know of the data; warnings: what makes results look better than they are. share: which users these are, where several
    workers share all of them; None: all.
    """

    name: str
    n_users: int
    n_items: int
    target: str
    train: dict[str, CSR]
    valid: CSR | None = None
    test: CSR | None = None
    test_negatives: np.ndarray | None = None
    friends: CSR | None = None
    graph: KnowledgeGraph | None = None
    user_features: Features | None = None
    item_features: Features | None = None
    rating_scale: tuple[float, float] | None = None
    user_ids: np.ndarray = field(default_factory=_no_ids)
    item_ids: np.ndarray = field(default_factory=_no_ids)
    content_hash: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    share: Share | None = None

    @property
    def behaviours(self) -> tuple[str, ...]:
        return tuple(self.train)

    @property
    def target_train(self) -> CSR:
        return self.train[self.target]
