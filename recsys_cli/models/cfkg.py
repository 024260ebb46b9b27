"""CFKG: users and items as entities of one knowledge graph, learnt by translations (Ai et al., Algorithms 2018), as in the
repository of KGAT.

    score(u, v) = -|p_u + r_interact - e_v|_1        max(0, 1 + d(h, r, t) - d(h, r, t')) with the L1 distance d

With loss=none, as released, interactions are triples like all others; with another loss they are learnt by that one as well.

Deviations:
1. The authors draw heads without replacement and a triple of each; here every triple comes once per epoch.
2. They stop by the best test Recall@20; see evaluation.select.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.losses.together import Alone
from recsys_cli.losses.triples import CorruptedTails
from recsys_cli.models.base import EmbeddingSettings, Need, rows
from recsys_cli.models.joint_graph import JointGraph, rows_of_nodes
from recsys_cli.models.pairwise import PairwiseModel


class CFKG(PairwiseModel):
    """Translations in a graph of users and entities."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        margin: float = field(1.0, "by which a wrong tail must be farther", above=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.graph = JointGraph.of(dataset, config.name)
        size, n_entities = config.embedding_size, self.graph.n_nodes - self.n_users
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.entity_embedding = self.parameter("entity_embedding", [n_entities, size])
        self.relation_embedding = self.parameter("relation_embedding", [self.graph.n_relations, size])

    @classmethod
    def memory(cls, config, dataset):
        graph, size = JointGraph.of(dataset, config.name), config.embedding_size
        parameters = (graph.n_nodes + graph.n_relations) * size
        of_triples = 6 * len(graph.triples)
        return Need(
            parameters,
            parameters + of_triples,
            dataset.n_items * size,
            dataset.target_train.nnz,
            size,
            "model.embedding_size",
        )

    def phases(self, usual, batch_size, seed):
        triples = CorruptedTails(self.graph.triples, self.graph.n_nodes, self.triple_loss, seed)
        return [*usual, Alone("triples", triples, -(-len(self.graph.triples) // batch_size))]

    def triple_loss(self, batch):
        head, tail, wrong = (rows_of_nodes(self.user_embedding, self.entity_embedding, batch[:, c]) for c in (0, 2, 3))
        moved = head + tf.gather(self.relation_embedding, batch[:, 1])
        near, far = (tf.reduce_sum(tf.abs(moved - x), axis=1) for x in (tail, wrong))
        return tf.reduce_mean(tf.nn.relu(near - far + self.config.margin))

    def user_part(self, task, encoded, ids, noise=None):
        return tf.gather(self.user_embedding, ids) + self.relation_embedding[0]

    def item_part(self, task, encoded, ids=None, noise=None):
        return self.entity_embedding[: self.n_items] if ids is None else tf.gather(self.entity_embedding, ids)

    def pair(self, task, encoded, user, item, noise=None):
        return -tf.reduce_sum(tf.abs(user - item), axis=-1)

    def penalised(self, task, encoded, users, items):
        return [rows(self.user_embedding, users), rows(self.entity_embedding, items)]
