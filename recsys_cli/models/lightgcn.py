"""LightGCN (He et al., SIGIR 2020): vectors propagated linearly over the graph of the target behaviour.

    E^(l) = A_hat E^(l-1),   A_hat = D^-1/2 A D^-1/2 without self loops
    E = (E^(0) + ... + E^(L)) / (L + 1),   score = e_u . e_v

Only the layer-0 vectors are parameters, and the penalty is on them.

Deviations:
1. The authors draw the users of a batch and one pair of each (`loss.sampling=users`); here each observed pair
   comes once per epoch.
2. The authors take the epoch with the best test Recall@20; see evaluation.select.
3. `node_dropout` (rate 0.1) is that of the copy in the GHCF repository, its baseline; LightGCN has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather, rows
from recsys_cli.ops.propagation import BipartiteGraph


class LightGCN(FactoredModel):
    """Vectors of layer 0, propagated in every step."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        layers: int = field(3, "L, of propagation", low=1, high=100)
        node_dropout: float = field(0.0, "rate, on the non-zeros of the graph", low=0, below=1)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.graph = BipartiteGraph(dataset.target_train, config.node_dropout)

    @classmethod
    def memory(cls, config, dataset):
        need = super().memory(config, dataset)
        return need._replace(step=4 * need.parameters)  # propagated vectors and their gradients, twice (measured)

    def encode(self, noise=None):
        """The propagated vectors of all users and all items."""
        users, items = map(tf.convert_to_tensor, (self.user_embedding, self.item_embedding))
        return self.graph.layer(noise, "edges").mean_of_powers(users, items, self.config.layers)

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[0], ids)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[1], ids)

    def penalised(self, task, encoded, users, items):
        return [rows(self.user_embedding, users), rows(self.item_embedding, items)]
