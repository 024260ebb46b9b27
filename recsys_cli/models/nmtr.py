"""NMTR: neural multi-task recommendation, a cascade of behaviours (Gao et al., ICDE 2019).

    f_k(u, v) = w_k . ReLU(W_k2 ReLU(W_k1 [p_u; q_v; p_u * q_v] + b_k1) + b_k2)
    s_1 = f_1,    s_k = (f_k + s_{k-1}) / 2 + b_kv   (`cascade: mean`)
                  s_k =  f_k + s_{k-1} + b_kv        (`cascade: sum`)

Vectors p, q are shared, each behaviour k has its own network, and its score builds on that of the behaviour
before it. Trained jointly with log loss and task weights; items are ranked by the target behaviour.

Deviations:
1. The paper adds the scores of the cascade, the reference implementation of the authors' group
   (wgcn96/Multi-behavior) takes their mean. The mean is the preset, because it is what was run there.
2. That implementation labels the same pairs for every behaviour, with negatives in none of them; here each
   behaviour has its own observed pairs and its own negatives, as in the paper.
3. Its evaluation leaves training items in the ranking; here evaluation decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, Need, gather, rows
from recsys_cli.models.behaviours import behaviour_tasks
from recsys_cli.models.pairwise import ITEMS_AT_A_TIME, PairwiseModel
from recsys_cli.ops.layers import times


class NMTR(PairwiseModel):
    """Behaviours share vectors; each has a network of its own."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        hidden_layers: int = field(
            2, "of each behaviour's network, each half as wide as the one before; the input has 3 d", low=0
        )
        cascade: str = field(
            "mean",
            "of the own network and the score of the behaviour before; sum: as in the paper",
            choices=("mean", "sum"),
        )
        task_weights: dict[str, float] | None = field(None, "mu, the weight of each behaviour; null: equal ones", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.tasks = behaviour_tasks(dataset, config.task_weights)
        self.target = dataset.behaviours.index(dataset.target)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.networks, self.item_biases = [], []
        for k, task in enumerate(self.tasks):
            widths = [max(1, 3 * size // 2**n) for n in range(config.hidden_layers + 1)]
            weights = [
                self.parameter(f"W_{task.name}_{n}", [a, b], "xavier_uniform")
                for n, (a, b) in enumerate(zip(widths, widths[1:]))
            ]
            shifts = [tf.Variable(tf.zeros([w]), name=f"b_{task.name}_{n}") for n, w in enumerate(widths[1:])]
            out = self.parameter(f"w_{task.name}", [widths[-1], 1], "uniform", math.sqrt(3.0 / widths[-1]))
            self.networks.append((weights, shifts, out))
            if k:
                self.item_biases.append(tf.Variable(tf.zeros([self.n_items]), name=f"item_bias_{task.name}"))

    @classmethod
    def memory(cls, config, dataset):
        """Scoring holds what all items bring to every network, and the layers of one user for a block of them."""
        size, tasks = config.embedding_size, len(dataset.train)
        widths = [max(1, 3 * size // 2**n) for n in range(config.hidden_layers + 1)]
        network = sum(a * b + b for a, b in zip(widths, widths[1:])) + widths[-1]
        block = min(dataset.n_items, ITEMS_AT_A_TIME)
        return Need(
            (dataset.n_users + dataset.n_items) * size + tasks * network + (tasks - 1) * dataset.n_items,
            scoring=dataset.n_items * (size + tasks * [*widths, 1][1]) + 2 * block * (size + sum(widths)),
            pairs=sum(pairs.nnz for pairs in dataset.train.values()),
            width=2 * sum(widths),
            setting="model.embedding_size",
        )

    def user_part(self, task, encoded, ids, noise=None):
        p = gather(self.user_embedding, ids)
        return {"vector": p, "layers": [times(p, kernel) for kernel, _, _ in self._first_layers(task)]}

    def item_part(self, task, encoded, ids=None, noise=None):
        q = gather(self.item_embedding, ids)
        layers = [times(q, kernel) for _, kernel, _ in self._first_layers(task)]
        return {"vector": q, "layers": layers, "biases": [gather(bias, ids) for bias in self.item_biases[:task]]}

    def pair(self, task, encoded, user, item, noise=None):
        product, total = user["vector"] * item["vector"], None
        share = 0.5 if self.config.cascade == "mean" else 1.0
        for k, (*_, kernel) in enumerate(self._first_layers(task)):
            x = user["layers"][k] + item["layers"][k] + times(product, kernel)
            weights, shifts, out = self.networks[k]
            for shift, weight in zip(shifts, [*weights[1:], out]):
                x = times(tf.nn.relu(x + shift), weight)
            total = x[..., 0] if total is None else share * (x[..., 0] + total) + item["biases"][k - 1]
        return total

    def _first_layers(self, task: int) -> list[list[tf.Tensor]]:
        """Of each network up to the task's: the parts of its first kernel for p, for q and for their product."""
        return [tf.split([*weights, out][0], 3) for weights, _, out in self.networks[: task + 1]]

    def penalised(self, task, encoded, users, items):
        biases = [rows(bias, items) for bias in self.item_biases[:task]]
        return [rows(self.user_embedding, users), rows(self.item_embedding, items), *biases]
