"""RippleNet: preferences of a user that spread over a knowledge graph (H. Wang et al., CIKM 2018).

A user is `memory` triples (h, r, t) per hop: of the first, triples of the user's items; of the next, triples of the tails
before. For an item x_0 = v and the hops k:

    p_k = softmax over the triples of  x_k . R_r h        o_k = sum p_k t        x_(k+1) = (x_k + o_k) W
    score(u, v) = (o_1 + ... + o_H) . x_H

Beside the loss, minus `graph_weight` sigma(h R_r t), the mean over the triples of a batch, and an L2 of their vectors.
The memories are drawn once, with replacement where a user has fewer triples; who has none (and no item) scores 0.

As W is linear, x_k = v W^k + sum over the hops i before of p_i (T_i W^(k-i)): what a user brings is made once, and a score
costs memory x d per hop, not d^2.

Deviations:
1. The program of the authors predicts given labels, half of them 0, and is evaluated on such; here interactions are learnt
   against sampled ones (loss.negatives=1 is their share), and all items are ranked.
2. Their evaluation is by AUC; thesis: 2 hops and 8 triples, 200 epochs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR, KnowledgeGraph
from recsys_cli.losses.together import Beside, Together
from recsys_cli.models.base import EmbeddingSettings, Need, rows
from recsys_cli.models.item_graph import graph_of
from recsys_cli.models.pairwise import PairwiseModel
from recsys_cli.ops.streams import generator


class RippleNet(PairwiseModel):
    """Attention over the triples that a user's items lead to."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        hops: int = field(2, "H, how far preferences spread", low=1, high=10)
        memory: int = field(8, "triples of a user per hop", low=1)
        graph_weight: float = field(0.01, "of sigma(h R t)", low=0)
        graph_l2: float = field(1e-7, "times the squared norm of the vectors in the memories of a batch", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        graph, size = graph_of(dataset, config.name), config.embedding_size
        self.entity_embedding = self.parameter("entity_embedding", [graph.n_entities, size])
        self.relation_embedding = self.parameter("relation_embedding", [graph.n_relations, size, size])
        self.transform = self.parameter("transform", [size, size])
        memories, known = ripples(dataset.target_train, graph, config.hops, config.memory, seed)
        self.memories = tf.Variable(memories, trainable=False, name="memories")
        self.known = tf.constant(known)

    @classmethod
    def memory(cls, config, dataset):
        graph, size = graph_of(dataset, config.name), config.embedding_size
        parameters = graph.n_entities * size + graph.n_relations * size**2 + size**2
        memories = 3 * dataset.n_users * config.hops * config.memory
        # A pair in a batch has the matrices of its user's relations, and as many vectors.
        width = config.hops * config.memory * (size + 6)
        scoring = dataset.n_items * (config.hops + 2) * (size + config.memory)
        return Need(parameters, memories + parameters, scoring, dataset.target_train.nnz, width, "model.memory")

    def phases(self, usual, batch_size, seed):
        return [Together(phase, Memories(self, batch_size)) for phase in usual]

    def look_up(self, users: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """(h, R, t) of the memories: [b, hops, memory, d], the matrices [..., d, d]. users: int32 [b]."""
        found = tf.gather(self.memories, users)
        heads, relations, tails = (found[..., c] for c in range(3))
        h, t = (tf.gather(self.entity_embedding, ids) for ids in (heads, tails))
        return h, tf.gather(self.relation_embedding, relations), t

    def user_part(self, task, encoded, ids, noise=None):
        """Of every hop: the keys R h, the tails t, and t W^j for what the hops after it see: [b, memory, d] each."""
        h, matrices, t = self.look_up(ids)
        keys = tf.linalg.matvec(matrices, h)
        known = tf.gather(self.known, ids)[:, None, None, None]
        powers = [t * known]
        for _ in range(self.config.hops):
            powers.append(tf.tensordot(powers[-1], self.transform, 1))
        return [[keys[:, k], *(power[:, k] for power in powers)] for k in range(self.config.hops)]

    def item_part(self, task, encoded, ids=None, noise=None):
        """v W^k for every k: [..., d] each."""
        v = self.entity_embedding[: self.n_items] if ids is None else tf.gather(self.entity_embedding, ids)
        powers = [v]
        for _ in range(self.config.hops):
            powers.append(tf.tensordot(powers[-1], self.transform, 1))
        return powers

    def pair(self, task, encoded, user, item, noise=None):
        attended: list[tf.Tensor] = []  # p_k of the hops so far, [..., m, memory]
        total = tf.zeros([])
        hops = [[part[..., 0, :, :] if part.shape.rank > item[0].shape.rank else part for part in hop] for hop in user]
        for k, (keys, tails, *_) in enumerate(hops):
            x = item[k] + tf.add_n([tf.matmul(p, hops[i][1 + k - i]) for i, p in enumerate(attended)]) if k else item[0]
            attended.append(tf.nn.softmax(tf.matmul(x, keys, transpose_b=True)))
            total += tf.matmul(attended[k], tails)
        n = len(hops)
        last = item[n] + tf.add_n([tf.matmul(p, hops[i][1 + n - i]) for i, p in enumerate(attended)])
        return tf.reduce_sum(total * last, axis=-1)

    def penalised(self, task, encoded, users, items):
        return [rows(self.entity_embedding, items)]


class Memories(Beside):
    """-graph_weight sigma(h R t) and the L2 of the memories of the users in a batch."""

    def __init__(self, model: RippleNet, batch_size: int):
        self.model, self.batch_size = model, batch_size

    def loss(self, arrays, step, noise):
        model, config = self.model, self.model.config
        users = arrays["users"][step * self.batch_size : (step + 1) * self.batch_size]
        h, matrices, t = model.look_up(users)
        likely = tf.sigmoid(tf.reduce_sum(tf.linalg.matvec(matrices, h) * t, axis=-1))
        value = -config.graph_weight * config.hops * tf.reduce_mean(likely)
        return value + 2.0 * config.graph_l2 * tf.add_n([tf.nn.l2_loss(x) for x in (h, matrices, t)])


def ripples(pairs: CSR, graph: KnowledgeGraph, hops: int, memory: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(int32 [users, hops, memory, 3] of head, relation, tail; float32 [users], 0 for those of whom no triple is known).

    A hop that leads nowhere is the one before again.
    """
    triples = graph.triples[np.argsort(graph.triples[:, 0], kind="stable")]
    first = np.searchsorted(triples[:, 0], np.arange(graph.n_entities + 1))
    found = np.zeros((pairs.n_rows, hops, memory, 3), np.int32)
    known = np.zeros(pairs.n_rows, np.float32)
    for user in range(pairs.n_rows):
        rng, seeds = generator(seed, "ripples", user), pairs.row(user)
        for hop in range(hops):
            starts, lengths = first[seeds], first[seeds + 1] - first[seeds]
            total = int(lengths.sum())
            if not total:
                if hop:
                    found[user, hop:] = found[user, hop - 1]
                break
            ends = np.cumsum(lengths)
            drawn = rng.choice(total, memory, replace=total < memory)
            of = np.searchsorted(ends, drawn, side="right")
            found[user, hop] = triples[starts[of] + drawn - (ends - lengths)[of]]
            known[user], seeds = 1.0, np.unique(found[user, hop, :, 2])
    return found, known
