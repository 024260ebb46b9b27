"""KGAT: knowledge graph attention network (X. Wang et al., KDD 2019).

Users and entities are nodes of one graph (joint_graph.py), whose vectors are propagated:

    E^(l) = LeakyReLU((E + A E) W1 + b1) + LeakyReLU((E * A E) W2 + b2)        E = E^(l-1)  ("bi-interaction")
    score(u, v) = e_u . e_v,   e: E^(0) and the normalised E^(l), one after the other
    A = softmax over the edges of a node of  (e_t W_r) . tanh(e_h W_r + r)

An epoch passes over the interactions, with A as it is, then over the triples (TransR: -ln sigma of the difference of the
distances), after which A is computed anew. Until then, and always with attention=constant, A is the sum of the matrices of
all relations, each normalised by rows.

Deviations:
1. attention=constant is what the authors' program does: A is compiled in when it is built, and what they compute after every
   epoch reaches neither training nor test. The default is the paper.
2. The authors draw users, and heads of triples, without replacement and one pair of each (loss.sampling=users); here every
   pair and every triple comes once per epoch.
3. They stop by the best test Recall@20 (see evaluation.select) and advise to start from vectors of BPR.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.losses.together import Alone
from recsys_cli.losses.triples import CorruptedTails
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Need, gather, rows
from recsys_cli.models.joint_graph import JointGraph, rows_of_nodes
from recsys_cli.models.translation import projected, squared_distances
from recsys_cli.ops.flat import softmax_by_row
from recsys_cli.ops.layers import dropout
from recsys_cli.ops.propagation import Operator, SparseMatrix

EDGES_AT_A_TIME = 2**16  # of which attention is computed


class KGAT(FactoredModel):
    """Attention over the edges of users, items and entities."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        layers: list[int] = field([64, 32, 16], "widths of the layers", low=1)
        attention: str = field(
            "learnt", "constant: never updated, as the released program runs", choices=("learnt", "constant")
        )
        message_dropout: float = field(0.1, "rate, on the vectors after each layer", low=0, below=1)
        relation_size: int = field(64, "k, length of relations and projected nodes", low=1)
        graph_batch_size: int = field(2048, "triples of a step", low=1)
        graph_learning_rate: float = field(1e-4, "of the triples, by Adam", above=0)
        graph_l2: float = field(1e-5, "times half the squared norm of the vectors of a batch of triples", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.graph = JointGraph.of(dataset, config.name)
        size, width, n_relations = config.embedding_size, config.relation_size, self.graph.n_relations
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.entity_embedding = self.parameter("entity_embedding", [self.graph.n_nodes - self.n_users, size])
        self.relation_embedding = self.parameter("relation_embedding", [n_relations, width])
        self.relation_transfer_W = self.parameter("relation_transfer_W", [n_relations, size, width])
        self.weights = []
        for layer, (a, b) in enumerate(pairwise([size, *config.layers])):
            for kind in ("gc", "bi"):
                self.weights.append(self.parameter(f"W_{kind}_{layer}", [a, b]))
                self.weights.append(self.parameter(f"b_{kind}_{layer}", [1, b]))
        self._lay_out_edges()

    def _lay_out_edges(self) -> None:
        """Edges are the triples; those between the same nodes are one non-zero of A, the sum of their shares."""
        heads, relations, tails = self.graph.triples.T
        n = self.graph.n_nodes
        self.edges = CSR.from_pairs(heads, tails, n, n)
        keys = self.edges.keys
        self.place = np.searchsorted(keys, heads.astype(np.int64) * n + tails).astype(np.int32)
        self.heads = heads
        self.bounds = np.searchsorted(relations, np.arange(self.graph.n_relations + 1))
        key = relations.astype(np.int64) * n + heads
        _, of, degrees = np.unique(key, return_inverse=True, return_counts=True)
        start = np.bincount(self.place, 1.0 / degrees[of], len(keys)).astype(np.float32)
        self.matrix = SparseMatrix(CSR(self.edges.indptr, self.edges.indices, n, start))
        self.attention = None
        if self.config.attention == "learnt":
            self.attention = tf.Variable(start, name="attention", trainable=False)

    @classmethod
    def memory(cls, config, dataset):
        """A step keeps, of each layer, about six tables of its width and four of the one before."""
        graph, size = JointGraph.of(dataset, config.name), config.embedding_size
        widths = [size, *config.layers]
        relations = graph.n_relations * config.relation_size * (size + 1)
        parameters = graph.n_nodes * size + relations + sum(2 * b * (a + 1) for a, b in pairwise(widths))
        layers = sum(6 * b + 4 * a for a, b in pairwise(widths)) * graph.n_nodes
        step = layers + parameters + 10 * len(graph.triples)
        return Need(parameters, step, layers, len(dataset.target_train.indices), sum(widths), "model.layers")

    def phases(self, usual, batch_size, seed):
        n, size = len(self.graph.triples), self.config.graph_batch_size
        variables = [self.user_embedding, self.entity_embedding, self.relation_embedding, self.relation_transfer_W]
        optimizer = {"name": "adam", "learning_rate": self.config.graph_learning_rate}
        triples = CorruptedTails(self.graph.triples, self.graph.n_nodes, self.triple_loss, seed)
        return [*usual, Alone("triples", triples, -(-n // size), variables, optimizer)]

    def triple_loss(self, batch):
        nodes = rows_of_nodes(self.user_embedding, self.entity_embedding, tf.gather(batch, [0, 2, 3], axis=1))
        moved = projected(nodes, self.relation_transfer_W, batch[:, 1])
        relations = tf.gather(self.relation_embedding, batch[:, 1])
        near, far = squared_distances(moved, relations)
        penalty = self.config.graph_l2 * (tf.nn.l2_loss(moved) + tf.nn.l2_loss(relations))
        return (tf.reduce_sum(tf.nn.softplus(near - far)) + penalty) / tf.cast(tf.size(near), tf.float32)

    def end_epoch(self, epoch):
        if self.attention is not None:
            self.attention.assign(self.shares())

    def raw_attention(self) -> tf.Tensor:
        """(e_t W_r) . tanh(e_h W_r + r) of every triple, [T]."""
        nodes = tf.concat([self.user_embedding, self.entity_embedding], axis=0)
        _, _, tails = self.graph.triples.T
        found = []
        for relation, (first, last) in enumerate(pairwise(self.bounds)):
            matrix, shift = self.relation_transfer_W[relation], self.relation_embedding[relation]
            for low in range(first, last, EDGES_AT_A_TIME):
                high = min(low + EDGES_AT_A_TIME, last)
                h, t = (tf.matmul(tf.gather(nodes, ids[low:high]), matrix) for ids in (self.heads, tails))
                found.append(tf.reduce_sum(t * tf.tanh(h + shift), axis=1))
        return tf.concat(found, axis=0)

    def shares(self) -> tf.Tensor:
        """The non-zeros of A by the parameters as they are, [nnz]."""
        shares = softmax_by_row(self.raw_attention(), tf.constant(self.heads), self.graph.n_nodes)
        return tf.math.unsorted_segment_sum(shares, self.place, self.edges.nnz)

    def propagated(self, noise: tf.Tensor | None = None) -> tf.Tensor:
        """[users + entities, d + the widths of all layers]"""
        nodes = tf.concat([self.user_embedding, self.entity_embedding], axis=0)
        matrix = self.matrix.whole if self.attention is None else self.matrix.with_values(self.attention)
        found = [nodes]
        for layer in range(len(self.config.layers)):
            kernel, shift, kernel_2, shift_2 = self.weights[4 * layer : 4 * layer + 4]
            sums, products = with_neighbours(matrix, nodes)
            added = tf.nn.leaky_relu(tf.matmul(sums, kernel) + shift)
            multiplied = tf.nn.leaky_relu(tf.matmul(products, kernel_2) + shift_2)
            nodes = dropout(added + multiplied, self.config.message_dropout, noise, f"layer {layer}")
            found.append(tf.nn.l2_normalize(nodes, axis=1))
        return tf.concat(found, axis=1)

    def encode(self, noise=None):
        every = self.propagated(noise)
        return every[: self.n_users], every[self.n_users : self.n_users + self.n_items]

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[0], ids)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[1], ids)

    def penalised(self, task, encoded, users, items):
        return [rows(encoded[0], users), rows(encoded[1], items)]


def with_neighbours(matrix: Operator, nodes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(E + A E, E * A E), [n, d] each, with one gradient: the parts of a sum of four would be added in any order."""

    @tf.custom_gradient
    def both(nodes):
        around = matrix.product(nodes)

        def gradient(of_sums, of_products):
            return of_sums + of_products * around + matrix.transposed(of_sums + of_products * nodes)

        return (nodes + around, nodes * around), gradient

    return both(nodes)
