"""JNSKR: jointly non-sampling learning for knowledge-graph enhanced recommendation (thesis section 5.4; C. Chen et al.,
SIGIR 2020).

    q_v = e_v + sum over the triples (v, r, t) of alpha_rt e_t     alpha = softmax over the triples of v of
        a . ReLU(W' (r * t) + b)        attention=product, as released
        a . ReLU(W_t' t + W_r' r + b)   attention=sum, the thesis (eq. 5.14)
    score(u, v) = h . (p_u * q_v)       g(v, r, t) = sum_i e_v,i r_i t_i       (eq. 5.13-5.16)

Recommendation and triples are learnt over all their pairs (eq. 5.17), with weights of items by their frequency:
c_v by loss.negative_weight and loss.popularity, w_v by `graph_negative_weight` and `graph_popularity`. Tails have vectors of
their own, also where a tail is an item. Presets: `jnskr`; `jnskr_without_kge` and `jnskr_without_attention` (figure 5.10),
`jnskr_alternating` (table 5.11).

Deviations:
1. The authors' code has padding rows of users, tails and relations, which act as more that nobody chose, and leaves out
   items without triples or interactions and the last incomplete batch; here there is no padding, and all take part.
2. The authors cut the longest lists (beyond the 99.99th percentile); here lists are flat and whole.
3. "Alternating" is not released. Here (`joint: false`) an epoch passes over the interactions, then over the triples.
4. Thesis: one L2 of all parameters. As released, `table_l2` is on all rows of the four tables in every step and
   `attention_l2` on the attention; loss.l2 adds it for the vectors of a batch.
5. The authors stop by the best test Recall@10; see evaluation.select.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.losses.together import Alone, Together
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Need, gather, rows
from recsys_cli.models.graph_loss import GraphLoss
from recsys_cli.models.item_graph import item_triples
from recsys_cli.ops.flat import places_of, softmax_by_row
from recsys_cli.ops.layers import dropout, times


class JNSKR(FactoredModel):
    """Users, items with their attended neighbours, and the triples of the items."""

    drops_both_sides = True

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        attention: str = field(
            "product",
            "of the neighbours: by relation * tail, as released; sum: by two matrices, the thesis; equal: without",
            choices=("product", "sum", "equal"),
        )
        attention_size: int = field(32, "k, width of the attention", low=1)
        item_dropout: float = field(0.2, "rate, on e_v in the recommendation (1 - rho_1)", low=0, below=1)
        graph_dropout: float = field(
            0.3, "rate, on the neighbours and on e_v in the triples (1 - rho_2)", low=0, below=1
        )
        graph_weight: float = field(0.01, "mu, the weight of the triples; 0: without them (w/o KGE)", low=0)
        graph_negative_weight: float = field(600.0, "c1, the sum of w_v over all items", low=0)
        graph_popularity: float = field(0.5, "w_v = c1 n_v^p / sum of n^p, by the triples n_v of the item", low=0)
        joint: bool = field(True, "false: an epoch passes over the interactions, then over the triples")
        table_l2: float = field(1e-5, "times half the squared norm of all tables, in every step", low=0)
        attention_l2: float = field(1.0, "times half the squared norm of the attention, in every step", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size, width = config.embedding_size, config.attention_size
        self.triples = item_triples(dataset, config.name)
        self.indptr, self.relations, self.tails = (
            tf.constant(a, tf.int32) for a in (self.triples.indptr, self.triples.relations, self.triples.tails)
        )
        self.owners = tf.constant(np.repeat(np.arange(self.n_items), self.triples.lengths), tf.int32)
        tables = {"user": self.n_users, "item": self.n_items, "tail": len(self.triples.tail_ids)}
        if config.graph_weight or config.attention != "equal":
            tables["relation"] = len(self.triples.relation_ids)
        self.tables = {name: self.parameter(f"{name}_embedding", [n, size]) for name, n in tables.items()}
        self.h = tf.Variable(tf.fill([size], 0.01), name="h")
        self.attention: list[tf.Variable] = []
        if config.attention != "equal":
            names = ["attention_W"] if config.attention == "product" else ["attention_W", "attention_W_relation"]
            scale = math.sqrt(2.0 / (width + size))
            self.kernels = [self.parameter(name, [size, width], "truncated_normal", scale) for name in names]
            self.shift = tf.Variable(tf.zeros([width]), name="attention_b")
            self.head = tf.Variable(tf.fill([width, 1], 0.01), name="attention_h")
            self.attention = [*self.kernels, self.shift, self.head]

    @classmethod
    def memory(cls, config, dataset):
        """A step keeps for its gradient, of each triple at most, the vectors of relation and tail twice and the hidden
        layer; scoring, and batches of users, take all triples at once."""
        triples, size, width = item_triples(dataset, config.name), config.embedding_size, config.attention_size
        attention = {"product": size * width + 2 * width, "sum": 2 * size * width + 2 * width, "equal": 0}
        tables = dataset.n_users + dataset.n_items + len(triples.tail_ids) + len(triples.relation_ids)
        of_triples = triples.n * (4 * size + 2 * width)
        return Need(
            parameters=(tables + 1) * size + attention[config.attention],
            step=of_triples + tables * size,
            scoring=of_triples,
            pairs=dataset.target_train.nnz,
            width=size,
            setting="model.embedding_size",
        )

    def phases(self, usual, batch_size, seed):
        if not self.config.graph_weight or not usual:
            return usual
        graph = GraphLoss(self, usual[-1], batch_size, seed)
        if self.config.joint:
            return [*usual[:-1], Together(usual[-1], graph)]
        variables = [self.tables[name] for name in ("item", "tail", "relation")]
        return [*usual, Alone("triples", graph, -(-self.n_items // batch_size), variables)]

    def encode(self, noise=None):
        return {}  # of rows looked up in this step

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.tables["user"], ids, encoded)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        own = dropout(gather(self.tables["item"], ids, encoded), self.config.item_dropout, noise, "items")
        return own + dropout(self._neighbours(ids), self.config.graph_dropout, noise, "neighbours")

    def _neighbours(self, ids: tf.Tensor | None) -> tf.Tensor:
        """e_N: [..., d] of these items, each computed once however often it is asked for."""
        if ids is not None and ids.shape.rank != 1:
            distinct, place = tf.unique(tf.reshape(ids, [-1]))
            found = tf.gather(self._neighbours(distinct), place)
            return tf.reshape(found, tf.concat([tf.shape(ids), found.shape[-1:]], axis=0))
        weights, tails, owners = self.attended(ids)
        n_rows = self.n_items if ids is None else tf.size(ids)
        return tf.math.unsorted_segment_sum(weights[:, None] * tails, owners, n_rows)

    def attended(self, ids: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """(alpha [n], e_t [n, d], which of the items each belongs to [n]) of the triples of these items; ids: int32 [b]."""
        if ids is None:
            relations, tails, owners, n_rows = self.relations, self.tails, self.owners, self.n_items
        else:
            places, owners = places_of(self.indptr, ids)
            relations, tails, n_rows = tf.gather(self.relations, places), tf.gather(self.tails, places), tf.size(ids)
        t = tf.gather(self.tables["tail"], tails)
        if self.config.attention == "equal":
            return softmax_by_row(tf.zeros_like(t[:, 0]), owners, n_rows), t, owners
        r = tf.gather(self.tables["relation"], relations)
        terms = (r * t,) if self.config.attention == "product" else (t, r)
        hidden = tf.nn.relu(tf.add_n([times(x, kernel) for x, kernel in zip(terms, self.kernels)]) + self.shift)
        return softmax_by_row(times(hidden, self.head)[:, 0], owners, n_rows), t, owners

    def explain(self, users):
        """neighbours: of the items of these users, the entities around them with the attention that each has. Entities are
        named by their numbers in the data set: items first, by their order."""
        seen = self.tasks[self.target].pairs
        items = np.unique(np.concatenate([seen.row(user) for user in users] or [np.zeros(0, np.int32)]))
        weights, _, owners = self.attended(tf.constant(items, tf.int32))
        places, _ = places_of(self.indptr, tf.constant(items, tf.int32))
        columns = {
            "item": items[owners.numpy()],
            "relation": self.triples.relation_ids[self.triples.relations[places]],
            "entity": self.triples.tail_ids[self.triples.tails[places]],
            "weight": weights.numpy(),
        }
        order = np.lexsort((-columns["weight"], columns["item"]))
        return {"neighbours": {name: column[order] for name, column in columns.items()}}

    def prediction_vector(self, task, encoded):
        return tf.convert_to_tensor(self.h)

    def penalised(self, task, encoded, users, items):
        return [rows(self.tables["user"], users, encoded), rows(self.tables["item"], items, encoded)]

    def own_penalty(self, encoded):
        weighed = [(self.config.table_l2, self.tables.values()), (self.config.attention_l2, self.attention)]
        found = [weight * tf.nn.l2_loss(table) for weight, tables in weighed if weight for table in tables]
        return tf.add_n(found) if found else None
