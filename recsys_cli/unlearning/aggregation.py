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
4. The released code, unlike the thesis, drops out 0.3 of the aggregated user vector in training
   (`aggregation_dropout`).
5. In the released LightGCN it is the embeddings of the sub-models before propagation that are aggregated, and
   the result is propagated over the graph of all data (`aggregation_tables: embeddings` with
   `aggregation_layers: 3`).
6. Thesis and released code train the aggregation by the loss and the optimiser of the base model
   (`aggregation_loss: model`). By default it learns from all pairs instead, with Adam: on MovieLens-1M this is
   several times faster and better for WMF and BPR alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.models.base import FactoredModel, Model, gather
from recsys_cli.ops.layers import dropout, initial_values, times
from recsys_cli.ops.propagation import BipartiteGraph
from recsys_cli.unlearning.posteriors import WeightedPosteriors
from recsys_cli.unlearning.regression import Regression
from recsys_cli.unlearning.tables import Table, filled


def build_aggregation(settings, dataset, seed: int, users: Table, items: Table) -> Model:
    """settings: a node of configs/unlearning."""
    if settings.absent == "random":
        users, items = filled(users, seed, "users"), filled(items, seed, "items")
    kinds = {"attention": Attention, "regression": Regression, "posteriors": WeightedPosteriors}
    kind = kinds.get(settings.aggregation, WeightedScores)
    # A model takes its name from its config.
    return kind(OmegaConf.merge(settings, {"name": settings.aggregation}), dataset, seed, users, items)


class Aggregation(FactoredModel):
    """Nothing of it belongs to single users or items, so there is no penalty on those of a batch."""

    def penalised(self, task, encoded, users, items):
        return []


class WeightedScores(Aggregation):
    """Mean or static weights: the vectors of the sub-models side by side, users' weighted."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        _, self._n_shards, self._size = users.vectors.shape
        self._users, self._items = (tf.constant(t.vectors.reshape(len(t.vectors), -1)) for t in (users, items))
        self.logits = None
        if config.aggregation == "static":
            self.logits = tf.Variable(tf.zeros([self._n_shards]), name="logits")

    def weights(self) -> tf.Tensor:
        """[K]"""
        return tf.fill([self._n_shards], 1 / self._n_shards) if self.logits is None else tf.nn.softmax(self.logits)

    def explain(self, users):
        """The weight of each sub-model, for all users the same."""
        return {"shards": {"shard": np.arange(self._n_shards), "weight": self.weights().numpy()}}

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self._users, ids) * tf.repeat(self.weights(), self._size)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self._items, ids)


class _Entries(NamedTuple):
    """The vectors that exist, sub-model after sub-model. Those that do not exist cost nothing: with shards by
    interactions two thirds of the items of MovieLens-1M.

    vectors: [E, d]. owners: int32 [E], the user or item of each. sizes: int32 [K], how many there are of each
    sub-model. n: number of users or items.
    """

    vectors: tf.Tensor
    owners: tf.Tensor
    sizes: tf.Tensor
    n: int | tf.Tensor


class Attended(NamedTuple):
    """entries: what there is. moved: its vectors after the transfer [E, d]. weights: alpha or beta [E]."""

    entries: _Entries
    moved: tf.Tensor
    weights: tf.Tensor


class _Side(NamedTuple):
    """Users or items, and their attention. places: int32 [K, n], where in `all` a vector is, or -1."""

    all: _Entries
    places: tf.Tensor
    weight: tf.Variable
    bias: tf.Variable
    head: tf.Variable

    def entries(self, ids: tf.Tensor | None) -> _Entries:
        """Of the ids [b], numbered by their places in `ids`; or all."""
        if ids is None:
            return self.all
        places = tf.gather(self.places, ids, axis=1)
        there = places >= 0
        owners = tf.broadcast_to(tf.range(tf.size(ids)), tf.shape(there))
        return _Entries(
            tf.gather(self.all.vectors, places[there]),
            owners[there],
            tf.math.count_nonzero(there, axis=1, dtype=tf.int32),
            tf.size(ids),
        )


class Attention(Aggregation):
    """config: attention_size, transfer_init, aggregation_dropout, aggregation_layers and the two l2."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        _, n_shards, size = users.vectors.shape
        self.transfer = tf.Variable(_transfer(config.transfer_init, n_shards, size, seed), name="transfer_W")
        self.shift = tf.Variable(_transfer_bias(config.transfer_init, n_shards, size, seed), name="transfer_b")
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
        there = table.there.T
        places = np.where(there, np.cumsum(there).reshape(there.shape) - 1, -1)
        entries = _Entries(
            tf.constant(table.vectors.swapaxes(0, 1)[there]),
            tf.constant(np.nonzero(there)[1], tf.int32),
            tf.constant(there.sum(axis=1), tf.int32),
            len(table.vectors),
        )
        return _Side(
            entries,
            tf.constant(places, tf.int32),
            *(tf.Variable(value, name=f"attention_{name}_{part}") for part, value in variables.items()),
        )

    def encode(self, noise=None):
        """The propagated vectors of all users and items; None without propagation."""
        if self.graph is None:
            return None
        return self.graph.whole.mean_of_powers(self._aggregated(self.users), self._aggregated(self.items), self.layers)

    def user_vectors(self, task, encoded, ids=None, noise=None):
        p = self._aggregated(self.users, ids) if encoded is None else gather(encoded[0], ids)
        return dropout(p, self.config.aggregation_dropout, noise)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return self._aggregated(self.items, ids) if encoded is None else gather(encoded[1], ids)

    def own_penalty(self, encoded):
        """Half the squared norms, with their factors."""
        if not (self.config.transfer_l2 or self.config.attention_l2):
            return None
        attention = [v for side in (self.users, self.items) for v in (side.weight, side.bias, side.head)]
        return self.config.transfer_l2 * tf.add_n(
            [tf.nn.l2_loss(v) for v in (self.transfer, self.shift)]
        ) + self.config.attention_l2 * tf.add_n([tf.nn.l2_loss(v) for v in attention])

    def explain(self, users):
        """alpha of every sub-model that knows the user."""
        found, _, weights = self.attention(self.users, tf.constant(users, tf.int32))
        shards = np.repeat(np.arange(len(found.sizes)), found.sizes)
        order = np.lexsort((shards, found.owners))
        columns = {"user": users[found.owners.numpy()], "shard": shards, "attention": weights.numpy()}
        return {"shards": {name: column[order] for name, column in columns.items()}}

    def attention(self, side: _Side, ids=None) -> Attended:
        """Of the ids [n], or of all."""
        found = side.entries(ids)
        parts = tf.split(found.vectors, found.sizes, num=self.transfer.shape[0])
        moved = tf.concat(
            [
                tf.matmul(part, weight) + shift
                for part, weight, shift in zip(parts, tf.unstack(self.transfer), tf.unstack(self.shift))
            ],
            axis=0,
        )
        hidden = tf.nn.relu(tf.matmul(moved, side.weight) + side.bias)
        logits = times(hidden, side.head)[:, 0]
        highest = tf.math.unsorted_segment_max(tf.stop_gradient(logits), found.owners, found.n)
        weights = tf.exp(logits - tf.gather(highest, found.owners))
        total = tf.math.unsorted_segment_sum(weights, found.owners, found.n)
        return Attended(found, moved, weights / tf.gather(total, found.owners))

    def _aggregated(self, side: _Side, ids=None) -> tf.Tensor:
        """[n, d], or [..., d] in the shape of the ids."""
        found, moved, weights = self.attention(side, None if ids is None else tf.reshape(ids, [-1]))
        rows = tf.math.unsorted_segment_sum(weights[:, None] * moved, found.owners, found.n)
        return rows if ids is None else tf.reshape(rows, tf.concat([tf.shape(ids), rows.shape[-1:]], axis=0))


def _transfer(init: str, n_shards: int, size: int, seed: int) -> tf.Tensor:
    if init == "identity":
        return tf.eye(size, batch_shape=[n_shards])
    return initial_values(init, (n_shards, size, size), seed=seed, purpose="transfer_W")


def _transfer_bias(init: str, n_shards: int, size: int, seed: int) -> tf.Tensor:
    if init == "identity":
        return tf.zeros([n_shards, size])
    return initial_values(init, (n_shards, size), seed=seed, purpose="transfer_b")
