"""A data set restricted to some users, items and rows, with compact ids of its own.

A row of training data is a (user, item) pair with the behaviours in which it was observed: a pair lies in one
shard with all of its behaviours, and is forgotten in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from recsys_cli.data.dataset import CSR, Dataset, Features, KnowledgeGraph
from recsys_cli.evaluation.ranking import union


def all_pairs(dataset: Dataset) -> CSR:
    """The training pairs of all behaviours, each once: the order of the rows that assignments go by."""
    matrices = list(dataset.train.values())
    return matrices[0] if len(matrices) == 1 else union(matrices, dataset.n_users, dataset.n_items)


def shard_of(dataset: Dataset, pairs: CSR, assignment: np.ndarray, k: int) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Shard k as a data set of its own without held-out parts, and its users and
    items as ids of the whole one.

    pairs: all_pairs(dataset). assignment: the shard of each, [nnz]. Both id lists ascend.
    """
    own = assignment == k
    users, items = np.unique(pairs.rows[own]), np.unique(pairs.indices[own])
    keys = pairs.keys[own]
    part = restricted(dataset, users, items, lambda matrix: among(matrix.keys, keys), held_out=False)
    return part, users, items


def without_held_out(dataset: Dataset) -> Dataset:
    """What a model of all rows may see."""
    return replace(dataset, valid=None, test=None, test_negatives=None, content_hash="")


def restricted(
    dataset: Dataset,
    users: np.ndarray,
    items: np.ndarray,
    kept: Callable[[CSR], np.ndarray] | None = None,
    *,
    held_out: bool = True,
) -> Dataset:
    """users, items: ids to keep, ascending; new ids are their places. kept: which
    pairs of a matrix, bool [nnz].

    Friends and triples stay where both ends stay.
    """

    def part(matrix: CSR | None) -> CSR | None:
        return submatrix(matrix, users, items, kept) if held_out and matrix is not None else None

    test = part(dataset.test)
    return replace(
        dataset,
        n_users=len(users),
        n_items=len(items),
        train={behaviour: submatrix(matrix, users, items, kept) for behaviour, matrix in dataset.train.items()},
        valid=part(dataset.valid),
        test=test,
        test_negatives=_negatives(dataset, users, items, kept, test),
        friends=None if dataset.friends is None else submatrix(dataset.friends, users, users),
        graph=None if dataset.graph is None else _graph(dataset.graph, dataset.n_items, items),
        user_features=_features(dataset.user_features, users),
        item_features=_features(dataset.item_features, items),
        user_ids=dataset.user_ids[users],
        item_ids=dataset.item_ids[items],
        content_hash="",
    )


def without_orphans(left: Dataset, before: Dataset) -> Dataset:
    """`left`, a part of `before`, without the users and items that had a pair in some split and have none now: an id
    alone would tell that there was one. Those that never had a pair stay, such as items that a catalogue declares.
    """
    kept = []
    for side, count in (("user_ids", "row_lengths"), ("item_ids", "col_counts")):
        had = getattr(before, side)[_pair_counts(before, count) > 0]
        kept.append(np.flatnonzero((_pair_counts(left, count) > 0) | ~np.isin(getattr(left, side), had)))
    if [len(ids) for ids in kept] == [left.n_users, left.n_items]:
        return left
    users, items = kept
    return restricted(left, users, items)


def _pair_counts(dataset: Dataset, count: str) -> np.ndarray:
    """Of every user (row_lengths) or item (col_counts), over all behaviours and splits."""
    return sum(getattr(matrix, count) for matrix in matrices(dataset))


def matrices(dataset: Dataset) -> list[CSR]:
    """The pairs of every behaviour and split."""
    return [m for m in (*dataset.train.values(), dataset.valid, dataset.test) if m is not None]


def submatrix(matrix: CSR, rows: np.ndarray, cols: np.ndarray, kept: Callable[[CSR], np.ndarray] | None = None) -> CSR:
    """These rows and columns, numbered anew, and of their non-zeros those kept."""
    stays = _stays(matrix, rows, cols, kept)
    new_rows = places(rows, matrix.n_rows)[matrix.rows[stays]]
    indptr = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.bincount(new_rows, minlength=len(rows)), out=indptr[1:])
    values = None if matrix.values is None else matrix.values[stays]
    return CSR(indptr, places(cols, matrix.n_cols)[matrix.indices[stays]], len(cols), values)


def places(ids: np.ndarray, n: int) -> np.ndarray:
    """int32 [n]: the place of each id in the ascending list `ids`, -1 where it is not in it."""
    found = np.full(n, -1, np.int32)
    found[ids] = np.arange(len(ids), dtype=np.int32)
    return found


def among(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """bool [len(keys)]: which are in the ascending array `wanted`."""
    if not len(wanted):
        return np.zeros(len(keys), bool)
    return wanted[np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)] == keys


def _stays(matrix, rows, cols, kept) -> np.ndarray:
    stays = (places(rows, matrix.n_rows)[matrix.rows] >= 0) & (places(cols, matrix.n_cols)[matrix.indices] >= 0)
    return stays if kept is None else stays & kept(matrix)


def _negatives(dataset: Dataset, users, items, kept, test: CSR | None) -> np.ndarray | None:
    """A candidate that is no longer there gives way to the test item itself, which evaluation leaves out."""
    if dataset.test_negatives is None or test is None:
        return None
    negatives = places(items, dataset.n_items)[dataset.test_negatives[_stays(dataset.test, users, items, kept)]]
    return np.where(negatives < 0, test.indices[:, None], negatives)


def _features(features: Features | None, ids: np.ndarray) -> Features | None:
    return features and features.take(ids)


def _graph(graph: KnowledgeGraph, n_items: int, items: np.ndarray) -> KnowledgeGraph:
    others = np.arange(n_items, graph.n_entities)
    new = places(np.concatenate([items, others]), graph.n_entities)
    heads, tails = new[graph.triples[:, 0]], new[graph.triples[:, 2]]
    triples = np.stack([heads, graph.triples[:, 1], tails], axis=1)[(heads >= 0) & (tails >= 0)]
    return KnowledgeGraph(triples.astype(np.int32), len(items) + len(others), graph.n_relations)
