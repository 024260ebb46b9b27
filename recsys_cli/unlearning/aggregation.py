"""From the vectors of K sub-models to one model: mean, static weights or attention, over frozen tables.

- mean (SISA): y = 1/K sum_i p_u^i . q_v^i
- static (GraphEraser): y = sum_i w_i p_u^i . q_v^i, w on the simplex, one weight per sub-model
- attention (thesis eq. 6.5-6.8): P^i_tr = W^i P^i + b^i, Q^i_tr = W^i Q^i + b^i,
  alpha_i = softmax_i h_1 . ReLU(W_1 p^i_tr + b_1), p_u = sum_i alpha_i p^i_tr;
  beta_i likewise with h_2, W_2, b_2 for items; y = p_u . q_v

They are factored models, so that every loss, the learner, checkpoints and evaluation take them as they are.

Deviations:
1. Eq. 6.7 prints p for the items too; here, as in the released code, the item vectors.
2. A user or item that is not in a shard has no vector of that sub-model: it counts as zero and gets no
   attention. In the released code it keeps its random initial vector (`absent: random`).
3. The released code regularises W and b only, with 1e-5 (`transfer_l2`), and for BPR only; the thesis
   everything.
4. The released code drops out 0.3 of the aggregated user vector in training (`aggregation_dropout`).
5. In the released LightGCN it is the embeddings of the sub-models before propagation that are aggregated, and
   the result is propagated over the graph of all data (`aggregation_tables: embeddings` with
   `aggregation_layers: 3`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.models.base import FactoredModel, gather
from recsys_cli.ops.layers import dropout, initial_values
from recsys_cli.ops.propagation import BipartiteGraph


class Table(NamedTuple):
    """One side by all sub-models. vectors: float32 [n, K, d]; there: bool [n, K], which of them exist."""

    vectors: np.ndarray
    there: np.ndarray


def stack(n: int, ids: list[np.ndarray], vectors: list[np.ndarray]) -> Table:
    """ids: those of each shard, in the order of its vectors."""
    shape = n, len(ids), vectors[0].shape[1]
    table = Table(np.zeros(shape, np.float32), np.zeros(shape[:2], bool))
    for k, (own, values) in enumerate(zip(ids, vectors)):
        table.vectors[own, k], table.there[own, k] = values, True
    return table


def build_aggregation(settings, dataset, seed: int, users: Table, items: Table) -> FactoredModel:
    """settings: a node of configs/unlearning."""
    if settings.absent == "random":
        users, items = _filled(users, seed, "users"), _filled(items, seed, "items")
    kind = Attention if settings.aggregation == "attention" else WeightedScores
    # A model takes its name from its config.
    return kind(OmegaConf.merge(settings, {"name": settings.aggregation}), dataset, seed, users, items)


def _filled(table: Table, seed: int, side: str) -> Table:
    values = initial_values("normal", table.vectors.shape, seed=seed, purpose=f"absent {side}").numpy()
    return Table(np.where(table.there[..., None], table.vectors, values), np.ones_like(table.there))


class Aggregation(FactoredModel):
    """Nothing of it belongs to single users or items, so there is no penalty on those of a batch."""

    def penalty(self, task, encoded, users, items):
        return tf.constant(0.0)


class WeightedScores(Aggregation):
    """Mean or static weights: the vectors of the sub-models side by side, users' weighted."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        _, self._n_shards, self._size = users.vectors.shape
        self._users, self._items = (
            tf.constant(t.vectors.reshape(len(t.vectors), -1)) for t in (users, items)
        )
        self.logits = None
        if config.aggregation == "static":
            self.logits = tf.Variable(tf.zeros([self._n_shards]), name="logits")

    def weights(self) -> tf.Tensor:
        """[K]"""
        return (
            tf.fill([self._n_shards], 1 / self._n_shards)
            if self.logits is None
            else tf.nn.softmax(self.logits)
        )

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self._users, ids) * tf.repeat(self.weights(), self._size)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self._items, ids)


class _Side(NamedTuple):
    """Users or items, and their attention. vectors: [K, n, d], there: [K, n]; so all is matrix products."""

    vectors: tf.Tensor
    there: tf.Tensor
    weight: tf.Variable
    bias: tf.Variable
    head: tf.Variable


class Attention(Aggregation):
    """config: attention_size, transfer_init, aggregation_dropout, aggregation_layers and the two l2."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        _, n_shards, size = users.vectors.shape
        self.transfer = tf.Variable(_transfer(config.transfer_init, n_shards, size, seed), name="transfer_W")
        self.shift = tf.Variable(
            _transfer_bias(config.transfer_init, n_shards, size, seed), name="transfer_b"
        )
        self.users, self.items = self._side("user", users, size), self._side("item", items, size)
        self.layers = config.aggregation_layers
        self.graph = BipartiteGraph(dataset.target_train) if self.layers else None

    def _side(self, name: str, table: Table, size: int) -> _Side:
        width = self.config.attention_size
        weight = initial_values(
            "truncated_normal",
            (size, width),
            seed=self.seed,
            purpose=f"attention_{name}_W",
            scale=math.sqrt(2 / (size + width)),
        )
        variables = {"W": weight, "b": tf.zeros([width]), "h": tf.fill([width, 1], 0.01)}
        return _Side(
            tf.constant(table.vectors.swapaxes(0, 1)),
            tf.constant(table.there.T),
            *(tf.Variable(value, name=f"attention_{name}_{part}") for part, value in variables.items()),
        )

    def encode(self, noise=None):
        """The propagated vectors of all users and items; None without propagation."""
        if not self.layers:
            return None
        return self.graph.whole.mean_of_powers(
            self._aggregated(self.users), self._aggregated(self.items), self.layers
        )

    def user_vectors(self, task, encoded, ids=None, noise=None):
        p = self._aggregated(self.users, ids) if encoded is None else gather(encoded[0], ids)
        return dropout(p, self.config.aggregation_dropout, noise)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return self._aggregated(self.items, ids) if encoded is None else gather(encoded[1], ids)

    def own_penalty(self, encoded):
        """Half the squared norms, with their factors."""
        if not (self.config.transfer_l2 or self.config.attention_l2):
            return None
        attention = [*self.users[2:], *self.items[2:]]
        return (self.config.transfer_l2 * tf.add_n([tf.nn.l2_loss(v) for v in (self.transfer, self.shift)])
                + self.config.attention_l2 * tf.add_n([tf.nn.l2_loss(v) for v in attention]))

    def attention(self, side: _Side, ids=None) -> tuple[tf.Tensor, tf.Tensor]:
        """Weights [K, n] of the ids [n], or of all, and what they weigh, [K, n, d]."""
        rows, there = side.vectors, side.there
        if ids is not None:
            rows, there = tf.gather(rows, ids, axis=1), tf.gather(there, ids, axis=1)
        moved = tf.matmul(rows, self.transfer) + self.shift[:, None]
        hidden = tf.nn.relu(tf.matmul(tf.reshape(moved, [-1, moved.shape[-1]]), side.weight) + side.bias)
        logits = tf.where(there, tf.reshape(tf.matmul(hidden, side.head), tf.shape(there)), -1e9)
        return tf.nn.softmax(logits, axis=0) * tf.cast(there, tf.float32), moved

    def _aggregated(self, side: _Side, ids=None) -> tf.Tensor:
        """[n, d], or [..., d] in the shape of the ids."""
        weights, moved = self.attention(side, None if ids is None else tf.reshape(ids, [-1]))
        found = tf.reduce_sum(weights[..., None] * moved, axis=0)
        return (
            found if ids is None else tf.reshape(found, tf.concat([tf.shape(ids), moved.shape[-1:]], axis=0))
        )


def _transfer(init: str, n_shards: int, size: int, seed: int) -> tf.Tensor:
    if init == "identity":
        return tf.eye(size, batch_shape=[n_shards])
    return initial_values(init, (n_shards, size, size), seed=seed, purpose="transfer_W")


def _transfer_bias(init: str, n_shards: int, size: int, seed: int) -> tf.Tensor:
    if init == "identity":
        return tf.zeros([n_shards, size])
    return initial_values(init, (n_shards, size), seed=seed, purpose="transfer_b")
