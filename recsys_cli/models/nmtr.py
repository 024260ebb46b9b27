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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, Scorer, TrainableModel, gather
from recsys_cli.models.behaviours import behaviour_tasks
from recsys_cli.ops.layers import times

ITEMS_AT_A_TIME = 16384  # of one user, when all items are scored


class NMTR(TrainableModel):
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

    def score(self, task, encoded, users, items, noise=None):
        p, q = tf.gather(self.user_embedding, users)[:, None, :], tf.gather(self.item_embedding, items)
        product = p * q

        def project(kernel: tf.Tensor) -> tf.Tensor:
            for_p, for_q, for_product = tf.split(kernel, 3)
            return times(p, for_p) + times(q, for_q) + times(product, for_product)

        return self._cascade(task, project, items)

    def _cascade(self, task: int, project: Callable[[tf.Tensor], tf.Tensor], items: tf.Tensor) -> tf.Tensor:
        """Scores of pairs by project(kernel [3d, w]) = [p; q; p * q] @ kernel."""
        total = None
        for k in range(task + 1):
            weights, shifts, out = self.networks[k]
            multiply = project
            for weight, shift in zip(weights, shifts):
                hidden = tf.nn.relu(multiply(weight) + shift)
                multiply = partial(times, hidden)
            own = multiply(out)[..., 0]
            if total is None:
                total = own
            else:
                share = 0.5 if self.config.cascade == "mean" else 1.0
                total = share * (own + total) + tf.gather(self.item_biases[k - 1], items)
        return total

    def penalty(self, task, encoded, users, items):
        p, q = gather(self.user_embedding, users), gather(self.item_embedding, items)
        biases = [tf.nn.l2_loss(gather(bias, items)) for bias in self.item_biases[:task]]
        return tf.add_n([tf.nn.l2_loss(p), tf.nn.l2_loss(q), *biases])

    def scorer(self) -> Scorer:
        """One user against a block of items at a time, so that memory follows the block."""
        blocks = [
            tf.range(first, min(first + ITEMS_AT_A_TIME, self.n_items))
            for first in range(0, self.n_items, ITEMS_AT_A_TIME)
        ]

        def one_user(user: tf.Tensor) -> tf.Tensor:
            p = self.user_embedding[user]

            def of_block(items: tf.Tensor) -> tf.Tensor:
                q = tf.gather(self.item_embedding, items)

                def project(kernel: tf.Tensor) -> tf.Tensor:
                    for_p, for_q, for_product = tf.split(kernel, 3)
                    return times(p[None, :], for_p) + times(q, for_q + p[:, None] * for_product)

                return self._cascade(self.target, project, items)

            return tf.concat([of_block(items) for items in blocks], axis=0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
        def score(users: tf.Tensor) -> tf.Tensor:
            return tf.map_fn(
                one_user, users, fn_output_signature=tf.TensorSpec([self.n_items], tf.float32), parallel_iterations=1
            )

        return score
