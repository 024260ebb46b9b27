"""The triples around the items: both directions, from item to tail, sorted by item."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset, KnowledgeGraph


def graph_of(dataset: Dataset, model: str) -> KnowledgeGraph:
    """The knowledge graph of a data set. UserError where it has none."""
    if dataset.graph is None or not len(dataset.graph.triples):
        raise UserError(
            f"model={model} learns from the triples of a knowledge graph, and data={dataset.name} has none: choose a data "
            "set with triples, such as synthetic, kg_book or kg_music, or give some: data=csv data.triples_path=triples.csv."
        )
    return dataset.graph


class ItemTriples(NamedTuple):
    """indptr: int64 [n_items + 1]; relations, tails: int32 [n], grouped by item.

    tail_ids: int32 [n_tails], the entity (of the data set) of each tail; relation_ids alike.
    """

    indptr: np.ndarray
    relations: np.ndarray
    tails: np.ndarray
    relation_ids: np.ndarray
    tail_ids: np.ndarray

    @classmethod
    def of(cls, graph: KnowledgeGraph, n_items: int) -> ItemTriples:
        """Each triple and its reverse, under the same relation, once each; those whose head is an item.

        Relations and tails are numbered anew: those that no item has take no part.
        """
        h, r, t = graph.triples.astype(np.int64).T
        both = np.unique(np.concatenate([np.stack([h, r, t], axis=1), np.stack([t, r, h], axis=1)]), axis=0)
        heads, relations, tails = both[both[:, 0] < n_items].T
        relation_ids, relations = np.unique(relations, return_inverse=True)
        tail_ids, tails = np.unique(tails, return_inverse=True)
        indptr = np.searchsorted(heads, np.arange(n_items + 1))
        return cls(indptr, *(a.astype(np.int32) for a in (relations, tails, relation_ids, tail_ids)))

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n_items], triples of each item."""
        return np.diff(self.indptr)

    @property
    def n(self) -> int:
        return len(self.tails)


def item_triples(dataset: Dataset, model: str) -> ItemTriples:
    """UserError where no item is in a triple."""
    graph = graph_of(dataset, model)
    found = ItemTriples.of(graph, dataset.n_items)
    if not found.n:
        raise UserError(
            f"model={model}: none of the {len(graph.triples):,} triples of data={dataset.name} has an item in it: "
            "items are named there by the same ids as in the interactions."
        )
    return found
