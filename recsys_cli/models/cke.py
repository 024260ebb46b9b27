"""CKE: collaborative knowledge base embedding (Zhang et al., KDD 2016), as in the repository of KGAT: without texts and
images.

    score(u, v) = p_u . (q_v + e_v)         e_v: the vector of the item as an entity
    |e_h W_r + r - e_t W_r|^2, smaller for triples than for triples with another tail (TransR; Lin et al., AAAI 2015)

Every step has a batch of both; projected vectors and relations are normalised.

Deviations:
1. The authors draw heads without replacement and a triple of each; here every triple comes once per epoch, spread over its
   steps. The users of a batch: loss.sampling=users.
2. Their L2 of the vectors of a batch is not divided by its size: loss.l2 is theirs times the size of the batch.
3. They stop by the best test Recall@20 (see evaluation.select) and advise to start from vectors of BPR.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.losses.together import Together
from recsys_cli.losses.triples import CorruptedTails
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Rows, gather, rows
from recsys_cli.models.item_graph import graph_of
from recsys_cli.models.translation import projected, squared_distances


class CKE(FactoredModel):
    """Items as in matrix factorisation and as entities of a knowledge graph."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        relation_size: int = field(64, "k, length of relations and projected entities", low=1)
        graph_weight: float = field(1.0, "of the triples", low=0)
        graph_l2: float = field(1e-5, "times half the squared norm of the vectors of a batch of triples", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.graph = graph_of(dataset, config.name)
        size, width, n_relations = config.embedding_size, config.relation_size, self.graph.n_relations
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.entity_embedding = self.parameter("entity_embedding", [self.graph.n_entities, size])
        self.relation_embedding = self.parameter("relation_embedding", [n_relations, width])
        self.relation_transfer_W = self.parameter("relation_transfer_W", [n_relations, size, width])

    @classmethod
    def memory(cls, config, dataset):
        need, graph = super().memory(config, dataset), graph_of(dataset, config.name)
        relations = graph.n_relations * config.relation_size * (1 + config.embedding_size)
        more = graph.n_entities * config.embedding_size + relations
        return need._replace(parameters=need.parameters + more, step=6 * len(graph.triples))

    def phases(self, usual, batch_size, seed):
        if not self.config.graph_weight or not usual:
            return usual
        triples = CorruptedTails(self.graph.triples, self.graph.n_entities, self.triple_loss, seed)
        return [*usual[:-1], Together(usual[-1], triples)]

    def triple_loss(self, batch):
        nodes = tf.gather(self.entity_embedding, tf.gather(batch, [0, 2, 3], axis=1))
        moved = tf.nn.l2_normalize(projected(nodes, self.relation_transfer_W, batch[:, 1]), axis=-1)
        relations = tf.nn.l2_normalize(tf.gather(self.relation_embedding, batch[:, 1]), axis=-1)
        near, far = squared_distances(moved, relations)
        loss = tf.reduce_sum(tf.nn.softplus(near - far)) / tf.cast(tf.maximum(tf.size(near), 1), tf.float32)
        penalty = tf.nn.l2_loss(moved) + tf.nn.l2_loss(relations)
        return self.config.graph_weight * (loss + self.config.graph_l2 * penalty)

    def encode(self, noise=None):
        return {}  # of rows looked up in this step

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.user_embedding, ids, encoded)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        entities = self.entity_embedding[: self.n_items] if ids is None else gather(self.entity_embedding, ids, encoded)
        return gather(self.item_embedding, ids, encoded) + entities

    def penalised(self, task, encoded, users, items):
        """Of items the sum of both vectors, as the authors do."""
        items_of = Rows(self.item_embedding, items, self.item_vectors(task, encoded, items))
        return [rows(self.user_embedding, users, encoded), items_of]
