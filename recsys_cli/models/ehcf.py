"""EHCF: efficient heterogeneous collaborative filtering (thesis section 4.4.2; Chen et al., AAAI 2020).

    score_k(u, v) = h_k . (p_u * q_v)
    h_k = sum over the behaviours t that feed k of (M_tk h_t + r_tk)      (eq. 4.10-4.11)

User and item vectors are shared by all behaviours; only the prediction vectors of behaviours that nothing
feeds are free. Items are ranked by the target behaviour. Presets: `ehcf`; `ehcf_unlinked` (every h_k free)
and `ehcf_one_by_one`, the ablations of table 4.13. data.behaviours=[...] chooses behaviours; with the target
alone it is ENMF; loss.dense=true is "EHCF-Original".

Deviations:
1. Thesis: L2 on all parameters. As in the authors' code, it is on the transfer matrices M only
   (`transfer_l2`); loss.l2 adds it for user and item vectors.
2. The authors' code sums one more item, the padding row, over the whole data, and leaves out users without a
   training purchase and the last incomplete batch of an epoch; here there is no padding, and all users and
   batches take part.
3. Their branch for two behaviours knows view and buy only and still regularises the matrices of the missing
   cart; here there are matrices for the links that exist, whatever the behaviours.
4. "One by one" is not released. Here (`joint: false`) an epoch passes over the behaviours in causal order,
   each with its own steps on the common parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, gather, rows
from recsys_cli.models.behaviours import behaviour_tasks, causal_links
from recsys_cli.ops.layers import dropout


class EHCF(FactoredModel):
    """Behaviours share user and item vectors; their prediction vectors are linked."""

    user_tables = ("user_embedding",)

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        dropout: float = field(
            0.5, "rate, on the user vectors, as released; the thesis has 0.2 (keep ratio 0.8)", low=0, below=1
        )
        causal: dict[str, list[str]] | Literal["none"] | None = field(
            None, "what feeds what, such as {cart:[view],buy:[cart]}; null: every earlier every later behaviour"
        )
        task_weights: dict[str, float] | None = field(None, "mu, the weight of each behaviour; null: equal ones", low=0)
        joint: bool = field(True, "false: an epoch passes over one behaviour after the other")
        transfer_l2: float = field(1e-4, "times half the squared norm of the transfer matrices", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.tasks = behaviour_tasks(dataset, config.task_weights)
        self.target = dataset.behaviours.index(dataset.target)
        self.joint = config.joint
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.links = causal_links(config.causal, dataset.behaviours)
        self.heads, self.matrices, self.shifts = {}, {}, {}
        bound = math.sqrt(3.0 / size)
        for name, sources in self.links.items():
            if not sources:
                self.heads[name] = self.parameter(f"h_{name}", [size], "uniform", bound)
            for source in sources:
                link = f"{source}_{name}"
                self.matrices[link] = self.parameter(f"M_{link}", [size, size], "uniform", bound)
                self.shifts[link] = self.parameter(f"r_{link}", [size], "uniform", bound)

    @classmethod
    def memory(cls, config, dataset):
        need, size = super().memory(config, dataset), config.embedding_size
        links = causal_links(config.causal, dataset.behaviours)
        free = sum(not sources for sources in links.values())
        linked = sum(map(len, links.values()))
        return need._replace(
            parameters=need.parameters + free * size + linked * (size**2 + size),
            pairs=sum(pairs.nnz for pairs in dataset.train.values()),
        )

    def encode(self, noise=None) -> list[tf.Tensor]:
        """The prediction vectors of all tasks."""
        h = {name: tf.convert_to_tensor(head) for name, head in self.heads.items()}
        for name, sources in self.links.items():
            if sources:
                h[name] = tf.add_n([self._transfer(f"{source}_{name}", h[source]) for source in sources])
        return [h[task.name] for task in self.tasks]

    def _transfer(self, link: str, h: tf.Tensor) -> tf.Tensor:
        return tf.linalg.matvec(self.matrices[link], h) + self.shifts[link]

    def explain(self, users):
        """transfer: what every behaviour gives to the prediction vector of another: its length, the cosine with h_k, and
        the share, its projection on h_k over |h_k|, of which those that feed a behaviour have 1 together."""
        h = dict(zip((task.name for task in self.tasks), self.encode()))
        links = [(source, name) for name, sources in self.links.items() for source in sources]
        given = [self._transfer(f"{source}_{name}", h[source]).numpy() for source, name in links]
        taken = [h[name].numpy() for _, name in links]
        lengths = np.array([np.linalg.norm(g) for g in given])
        onto = np.array([g @ t / np.linalg.norm(t) for g, t in zip(given, taken)])
        columns = {
            "from": np.array([source for source, _ in links], np.str_),
            "to": np.array([name for _, name in links], np.str_),
            "length": lengths,
            "cosine": onto / lengths,
            "share": onto / np.array([np.linalg.norm(t) for t in taken]),
        }
        return {"transfer": columns} if links else {}

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return dropout(gather(self.user_embedding, ids), self.config.dropout, noise)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.item_embedding, ids)

    def prediction_vector(self, task, encoded):
        return encoded[task]

    def penalised(self, task, encoded, users, items):
        return [rows(self.user_embedding, users), rows(self.item_embedding, items)]

    def own_penalty(self, encoded):
        if not self.matrices or not self.config.transfer_l2:
            return None
        return self.config.transfer_l2 * tf.add_n([tf.nn.l2_loss(m) for m in self.matrices.values()])
