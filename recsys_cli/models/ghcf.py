"""GHCF: graph heterogeneous collaborative filtering (thesis section 4.4.3; C. Chen et al., AAAI 2021).

Users and items are nodes, behaviours r are relations with vectors of their own, and all are propagated:

    E^(l) = sum_r mu_r f(A_hat_r (E^(l-1) o e_r^(l-1)) W^(l)),   e_r^(l) = e_r^(l-1) W_rel^(l)
    score of behaviour k = sum_i e_u,i e_k,i e_v,i,   e: mean over the layers 0..L

(eq. 4.17-4.22) with f = LeakyReLU(0.2), A_hat_r = D_r^-1/2 A_r D_r^-1/2 of behaviour r alone, and o one of:
product of elements, difference, circular correlation. The loss over all pairs of behaviour r is weighted by
the same mu_r.

Deviations:
1. combine=task_weights is the authors' code: f per relation, mixed by the task weights mu. combine=sum is the
   thesis: one f around the plain sum.
2. mu_r is multiplied into W before f, which is the same because f(mu x) = mu f(x); composition and W come
   before the propagation, which is the same because both are linear in the vectors of the nodes.
3. A behaviour of weight 0 takes no part, neither in the propagation nor in the loss (as in the authors' code
   with combine=task_weights). Its vector exists, so that it can still be the target.
4. The authors cut long histories in the loss and leave out users without a purchase and the last incomplete
   batch; here the sum runs over all of them, as in the thesis.
5. loss.l2 is on the final vectors of the users of the batch and of all items, as in the authors' code; the
   thesis has the norm of all parameters.
6. The authors take the epoch with the best test Recall@10; see evaluation.select.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Need, gather, rows
from recsys_cli.models.behaviours import behaviour_tasks
from recsys_cli.ops.layers import dropout
from recsys_cli.ops.propagation import BipartiteGraph


class Encoded(NamedTuple):
    """users: [n_users, d]; items: [n_items, d]; relations: [behaviours, d]."""

    users: tf.Tensor
    items: tf.Tensor
    relations: tf.Tensor


class GHCF(FactoredModel):
    """Vectors of users, items and behaviours, propagated together."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        layers: int = field(4, "L, of propagation", low=1, high=100)
        composition: str = field(
            "product",
            "of the vectors of a node and a behaviour",
            choices=("product", "subtraction", "correlation"),
        )
        combine: str = field(
            "task_weights",
            "an activation per behaviour, mixed by mu, as released; sum: one around the plain sum, as in the thesis",
            choices=("task_weights", "sum"),
        )
        task_weights: dict[str, float] | None = field(
            None, "mu, the weight of each behaviour; 0 leaves it out; null: equal ones, with the sum 1", low=0
        )
        node_dropout: float = field(0.1, "rate, on the non-zeros of the graphs", low=0, below=1)
        message_dropout: float = field(0.2, "rate, on the vectors after each layer", low=0, below=1)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.tasks = behaviour_tasks(dataset, config.task_weights)
        self.target = dataset.behaviours.index(dataset.target)
        size = config.embedding_size
        self.active = [r for r, task in enumerate(self.tasks) if task.weight > 0]
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.relation_embedding = self.parameter("relation_embedding", [len(self.tasks), size])
        square, layers = [size, size], range(config.layers)
        self.weights = [self.parameter(f"W_{layer}", square) for layer in layers]
        self.relation_weights = [self.parameter(f"W_rel_{layer}", square) for layer in layers]
        self.graphs = [BipartiteGraph(self.tasks[r].pairs, config.node_dropout) for r in self.active]
        self.messages = COMPOSITIONS[config.composition]

    @classmethod
    def memory(cls, config, dataset):
        """A step keeps for its gradient, of each layer: what every behaviour sends (for differences also what it makes of
        the vectors before), about three more tables (measured), and W as each behaviour scales it for users and items.
        """
        tasks = behaviour_tasks(dataset, config.task_weights)
        layers, size, active = config.layers, config.embedding_size, sum(task.weight > 0 for task in tasks)
        table = (dataset.n_users + dataset.n_items) * size
        tables = (layers + 2) * (active + 3) - 3 + (layers * active if config.composition == "subtraction" else 0)
        return Need(
            parameters=table + len(tasks) * size + 2 * layers * size**2,
            step=tables * table + layers * 3 * active * size**2,
            pairs=sum(task.pairs.nnz for task in tasks),
            width=size,
            setting="model.layers" if layers > size else "model.embedding_size",
        )

    def encode(self, noise=None) -> Encoded:
        """The means over all layers."""
        graphs = [graph.layer(noise, f"edges of {self.tasks[r].name}") for r, graph in zip(self.active, self.graphs)]
        users, items, relations = map(
            tf.convert_to_tensor, (self.user_embedding, self.item_embedding, self.relation_embedding)
        )
        total = [users, items, relations]
        for layer, (weight, relation_weight) in enumerate(zip(self.weights, self.relation_weights)):
            users, items = self._propagate(graphs, users, items, relations, weight)
            users = dropout(users, self.config.message_dropout, noise, f"users of layer {layer}")
            items = dropout(items, self.config.message_dropout, noise, f"items of layer {layer}")
            relations = tf.matmul(relations, relation_weight)
            total = [a + b for a, b in zip(total, (users, items, relations))]
        return Encoded(*(t / (self.config.layers + 1) for t in total))

    def _propagate(self, graphs, users, items, relations, weight):
        """One layer: [n_users, d], [n_items, d] -> the same."""
        mixed = self.config.combine == "task_weights"
        received = []
        for r, graph in zip(self.active, graphs):
            scaled = self.tasks[r].weight * weight if mixed else weight
            received.append(graph(*(self.messages(nodes, relations[r], scaled) for nodes in (users, items))))
        of_users, of_items = zip(*received)
        if mixed:
            return tf.add_n(list(map(activation, of_users))), tf.add_n(list(map(activation, of_items)))
        return activation(tf.add_n(of_users)), activation(tf.add_n(of_items))

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded.users, ids)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded.items, ids)

    def prediction_vector(self, task, encoded):
        return encoded.relations[task]

    def penalised(self, task, encoded, users, items):
        return [rows(encoded.users, users), rows(encoded.items, items)]


def activation(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.leaky_relu(x, 0.2)


def product(nodes: tf.Tensor, relation: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """(e_v o e_r) W: nodes [n, d], relation [d], weight [d, d] -> [n, d]."""
    return tf.matmul(nodes, relation[:, None] * weight)


def subtraction(nodes: tf.Tensor, relation: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """(e_v - e_r) W"""
    return tf.matmul(nodes - relation, weight)


def correlation(nodes: tf.Tensor, relation: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """(e_v * e_r) W with (a * b)_k = sum_i a_i b_(i+k mod d) (Nickel et al. 2016).

    It is linear in e_v: a product with a circulant matrix, which needs no Fourier transform of every node.
    """
    size = relation.shape[0]
    shifts = (np.arange(size)[:, None] + np.arange(size)) % size
    return tf.matmul(nodes, tf.matmul(tf.gather(relation, shifts), weight))


COMPOSITIONS = {"product": product, "subtraction": subtraction, "correlation": correlation}
