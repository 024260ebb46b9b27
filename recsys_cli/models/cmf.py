"""CMF, collective matrix factorisation: one matrix per behaviour, factorised together (Zhao et al. 2015).

    score_k(u, v) = p_u . q_v^k      (`shared: users`, as the thesis describes its baseline)
    score_k(u, v) = p_u^k . q_v      (`shared: items`)

Items are ranked by the target behaviour.

Deviations:
1. The thesis gives neither loss nor weights. The reference implementation of the authors' group
   (wgcn96/Multi-behavior) shares the item vectors and takes log loss or squared loss with equal
   weights and without L2; here log loss and equal weights are the preset, loss=non_sampling is the
   squared loss over the whole data.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather, rows
from recsys_cli.models.behaviours import behaviour_tasks
from recsys_cli.ops.layers import dropout


class CMF(FactoredModel):
    """A table per behaviour on one side, one for all of them on the other."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        dropout: float = field(0.0, "rate, on the vectors of the batched side", low=0, below=1)
        shared: str = field(
            "users",
            "whose vectors are the same for all behaviours; the other side has a table for each",
            choices=("users", "items"),
        )
        task_weights: dict[str, float] | None = field(None, "mu, the weight of each behaviour; null: equal ones", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        # Every behaviour has vectors of its own on one side.
        self.tasks = tuple(task._replace(group=task.name) for task in behaviour_tasks(dataset, config.task_weights))
        self.target = dataset.behaviours.index(dataset.target)

        def tables(side: str, n: int) -> list[tf.Variable]:
            """One table for each task, or the same one for all."""
            shared = config.shared == f"{side}s"
            suffixes = [""] if shared else [f"_{task.name}" for task in self.tasks]
            shape = n, config.embedding_size
            made = [self.parameter(f"{side}_embedding{suffix}", shape) for suffix in suffixes]
            return made * len(self.tasks) if shared else made

        self.users, self.items = tables("user", self.n_users), tables("item", self.n_items)

    @classmethod
    def memory(cls, config, dataset):
        need, tasks = super().memory(config, dataset), len(dataset.train)
        apart = dataset.n_items if config.shared == "users" else dataset.n_users
        return need._replace(
            parameters=need.parameters + (tasks - 1) * apart * config.embedding_size,
            pairs=sum(pairs.nnz for pairs in dataset.train.values()),
        )

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return dropout(gather(self.users[task], ids), self.config.dropout, noise)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return dropout(gather(self.items[task], ids), self.config.dropout, noise)

    def penalised(self, task, encoded, users, items):
        return [rows(self.users[task], users), rows(self.items[task], items)]
