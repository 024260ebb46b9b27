"""Neural collaborative filtering (He et al. 2017): NeuMF, or with embedding_size null its MLP alone.

    score_uv = w . [p_u * q_v ; phi_L(... phi_1([p'_u ; q'_v]))] + b        phi_l(x) = relu(W_l' x + b_l)

The product (p, q) and the layers (p', q') have embeddings of their own; `layer_widths` go from [p' ; q']
to the output of phi_L. Presets (configs/model): `ncf` (NeuMF), `mlp`.

Deviations from paper and authors' code:
1. No pretraining: the paper also trains both branches apart with Adam and goes on with SGD.
2. The first layer is computed as A'p' + B'q', W_1 = [A ; B]: ranking all items takes B'q' once per item.
3. The score is the logit; the loss applies the sigmoid.
4. L2 (0 in the authors' code) is that of the loss, on the embeddings of a batch; theirs is on all weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, Need, gather, rows
from recsys_cli.models.pairwise import ITEMS_AT_A_TIME, PairwiseModel
from recsys_cli.ops.layers import times

USER, ITEM = 0, 1


class NeuralCF(PairwiseModel):
    """Layers over one pair of tables, and a product of another."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        # Wider than in the base class: nothing but this model reads it.
        embedding_size: int | None = field(8, "of the product; null: without it", low=1)  # type: ignore[assignment]
        layer_widths: list[int] = field(
            [64, 32, 16, 8], "of the user and item vector side by side, then of each layer", low=1
        )
        init: str = changed(EmbeddingSettings, "init", "normal")

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        widths, size = list(config.layer_widths), config.embedding_size
        if len(widths) < 2 or widths[0] % 2:
            raise UserError(
                f"model.layer_widths={widths} must start with an even number, the user and the item vector "
                "side by side, and go on with the width of at least one layer, such as [64,32,16,8]."
            )

        def tables(branch: str, width: int) -> list[tf.Variable]:
            return [
                self.parameter(f"{side}_{branch}", (n, width))
                for side, n in (("user", self.n_users), ("item", self.n_items))
            ]

        self.deep = tables("deep", widths[0] // 2)
        self.product = tables("product", size) if size else []
        shapes = list(enumerate(zip(widths, widths[1:]), 1))
        self.kernels = [self.parameter(f"kernel_{n}", shape, "xavier_uniform") for n, shape in shapes]
        self.biases = [tf.Variable(tf.zeros([width]), name=f"bias_{n}") for n, (_, width) in shapes]
        fan_in = widths[-1] + (size or 0)
        self.output = self.parameter("output", (fan_in, 1), "uniform", math.sqrt(3.0 / fan_in))  # LeCun uniform
        self.output_bias = tf.Variable(tf.zeros([1]), name="output_bias")

    @classmethod
    def memory(cls, config, dataset):
        """Scoring holds what all items bring, and the layers of one user for a block of them."""
        widths, size = list(config.layer_widths), config.embedding_size or 0
        layers = sum(a * b + b for a, b in zip(widths, widths[1:])) + widths[-1] + size + 1
        block = min(dataset.n_items, ITEMS_AT_A_TIME)
        return Need(
            (dataset.n_users + dataset.n_items) * (widths[0] // 2 + size) + layers,
            scoring=dataset.n_items * (widths[1] + size) + 2 * block * (sum(widths[1:]) + size),
            pairs=dataset.target_train.nnz,
            width=2 * sum(widths) + size,
            setting="model.layer_widths" if widths[0] > size else "model.embedding_size",
        )

    def user_part(self, task, encoded, ids, noise=None):
        return self._side(USER, ids)

    def item_part(self, task, encoded, ids=None, noise=None):
        return self._side(ITEM, ids)

    def pair(self, task, encoded, user, item, noise=None):
        x = tf.nn.relu(user[0] + item[0] + self.biases[0])
        for kernel, bias in zip(self.kernels[1:], self.biases[1:]):
            x = tf.nn.relu(times(x, kernel) + bias)
        if self.product:
            x = tf.concat([user[1] * item[1], x], axis=-1)
        return times(x, self.output)[..., 0] + self.output_bias

    def penalised(self, task, encoded, users, items):
        return [rows(table, ids) for tables in (self.deep, self.product) for table, ids in zip(tables, (users, items))]

    def _side(self, side: int, ids: tf.Tensor | None) -> list[tf.Tensor]:
        """What these ids, or all, bring to a score: a part of the first layer, and a product vector."""
        kernel = tf.split(self.kernels[0], 2)[side]
        parts = [times(gather(self.deep[side], ids), kernel)]
        return parts + [gather(self.product[side], ids)] if self.product else parts
