"""Users and entities in one graph: the interactions are one more relation, and every relation has an inverse.

Nodes: users first, then entities, of which the items are the first. Relations: 0 interact, 1.. those of the knowledge
graph, then the inverses in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import Dataset
from recsys_cli.models.item_graph import graph_of


class JointGraph(NamedTuple):
    """triples: int32 [T, 3], by relation; n_nodes, n_relations: how many there are."""

    triples: np.ndarray
    n_nodes: int
    n_relations: int

    @classmethod
    def of(cls, dataset: Dataset, model: str) -> JointGraph:
        graph, pairs, users = graph_of(dataset, model), dataset.target_train, dataset.n_users
        bought = np.stack([pairs.rows, np.zeros(pairs.nnz, np.int32), users + pairs.indices], axis=1)
        known = np.asarray(graph.triples) + np.array([users, 1, users])
        forward = np.concatenate([bought, known])
        backward = forward[:, ::-1] + np.array([0, graph.n_relations + 1, 0])
        both = np.concatenate([forward, backward]).astype(np.int32)
        order = np.argsort(both[:, 1], kind="stable")
        return cls(both[order], users + graph.n_entities, 2 * (graph.n_relations + 1))


def rows_of_nodes(users: tf.Variable, entities: tf.Variable, nodes: tf.Tensor) -> tf.Tensor:
    """[..., d], from two tables: what one table of all nodes would give, with the gradients of two."""
    n_users = users.shape[0]
    of_users = tf.gather(users, tf.minimum(nodes, n_users - 1))
    of_entities = tf.gather(entities, tf.maximum(nodes - n_users, 0))
    return tf.where((nodes < n_users)[..., None], of_users, of_entities)
