"""EATNN: efficient adaptive transfer neural network (thesis section 4.3; C. Chen et al., SIGIR 2019).

    p_u^I = alpha_C u^C + alpha_I u^I        alpha = softmax over x of  a . ReLU(W' u^x + b)      (eq. 4.1-4.3)
    score(u, v) = h_I . (p_u^I * q_v)        for items v
    score(u, t) = h_S . (p_u^S * g_t)        for friends t, p^S alike from u^C and u^S, with an attention of its own

Every user has a vector that both domains share and one of each domain; both tasks are learnt from all their pairs. Items
are ranked by the first. Presets: `eatnn`; `eatnn_s` (items only), `eatnn_a` (shares of one half instead of attention),
`eatnn_e` (the loss visits every pair), the ablations of figure 4.4 and table 4.5.

Regularisers: as released, on the norm of the SUM of both merged vectors of the users of a batch (`merged_l2`) and on
the two attentions (`item_attention_l2`, `social_attention_l2`). The thesis has lambda times the squared norm of all
parameters: loss.l2 = 2 lambda, with these three 0.

Deviations:
1. The authors' code has a padding row in the tables of items and friends, which acts as one more that nobody chose; here
   lists are not padded and there is none.
2. The authors' code leaves out users without a training item (with their friends) and the last incomplete batch of an
   epoch; here all take part, as in the thesis.
3. The thesis states a batch of 512 users, which is the default, the code has 128: trainer.batch_size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.settings import field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Need, Task, gather, rows
from recsys_cli.models.social import friends_of
from recsys_cli.ops.layers import dropout, times

DOMAINS = ("item", "social")


class _Step(NamedTuple):
    """What a step has looked up. merged: by (task, ids), the users' vectors and the noise they were dropped out by."""

    found: dict
    merged: dict


class EATNN(FactoredModel):
    """Vectors of a user for both domains and for each, merged by attention."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        dropout: float = field(0.7, "rate, on the merged user vectors (keep ratio 0.3)", low=0, below=1)
        attention_size: int = field(32, "k, width of the attention", low=1)
        social_weight: float = field(0.1, "mu, the weight of the friends; 0: items only (EATNN-S)", low=0)
        own_share: float | None = field(
            None,
            "share of the vector of the domain in the merged one; null: by attention (0.5: EATNN-A)",
            low=0,
            high=1,
        )
        merged_l2: float = field(1e-3, "times half the squared norm of p^I + p^S of the users of a batch", low=0)
        item_attention_l2: float = field(0.1, "times half the squared norm of the attention over items", low=0)
        social_attention_l2: float = field(0.01, "the same over friends", low=0)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        columns = [("item_embedding", self.n_items)]
        if config.social_weight:
            friends = friends_of(dataset, config.name)
            self.tasks += (Task("friends", friends, float(config.social_weight), group="friends"),)
            columns.append(("friend_embedding", friends.n_cols))
        size, domains = config.embedding_size, DOMAINS[: len(columns)]
        self.common = self.parameter("user_embedding_common", [self.n_users, size])
        self.own = [self.parameter(f"user_embedding_{domain}", [self.n_users, size]) for domain in domains]
        self.targets = [self.parameter(name, [n, size]) for name, n in columns]
        self.heads = [tf.Variable(tf.fill([size], 0.01), name=f"h_{domain}") for domain in domains]
        self.attention = [] if config.own_share is not None else [self._attention(domain) for domain in domains]

    def _attention(self, domain: str) -> tuple[tf.Variable, tf.Variable, tf.Variable]:
        """W [d, k], b [k], a [k, 1] of a domain."""
        size, width, name = self.config.embedding_size, self.config.attention_size, f"attention_{domain}"
        return (
            self.parameter(f"{name}_W", [size, width], "truncated_normal", math.sqrt(2.0 / (size + width))),
            tf.Variable(tf.zeros([width]), name=f"{name}_b"),
            tf.Variable(tf.fill([width, 1], 0.01), name=f"{name}_h"),
        )

    @classmethod
    def memory(cls, config, dataset):
        size, width, pairs = config.embedding_size, config.attention_size, dataset.target_train.nnz
        columns, domains = dataset.n_items, 1
        attention = size * width + 2 * width if config.own_share is None else 0
        if config.social_weight:
            friends = friends_of(dataset, config.name)
            columns, pairs, domains = columns + friends.n_cols, pairs + friends.nnz, 2
        return Need(
            ((1 + domains) * dataset.n_users + columns) * size + domains * (size + attention),
            pairs=pairs,
            width=(1 + 2 * domains) * size + 4 * width,
            setting="model.embedding_size",
        )

    def encode(self, noise=None):
        return _Step({}, {})

    def shares(self, task: int, encoded: _Step, ids: tf.Tensor | None = None) -> tf.Tensor | float:
        """alpha_I (task 0) or beta_S (task 1), [b, 1]: the share of the vector of the domain; the rest is the common's."""
        if not self.attention:
            return self.config.own_share
        kernel, shift, head = self.attention[task]
        common, own = (
            times(tf.nn.relu(times(gather(table, ids, encoded.found), kernel) + shift), head)
            for table in (self.common, self.own[task])
        )
        return tf.sigmoid(own - common)  # the softmax over two

    def explain(self, users):
        """attention: what each user has to learn from, and the shares of the common and the domains' vectors (table 4.7)."""
        encoded, ids = self.encode(), tf.constant(users, tf.int32)
        columns = {"user": users, "items": self.tasks[0].pairs.row_lengths[users]}
        if len(self.tasks) > 1:
            columns["friends"] = self.tasks[1].pairs.row_lengths[users]
        for task, (name, domain) in enumerate((("alpha", "I"), ("beta", "S"))[: len(self.tasks)]):
            own = np.broadcast_to(np.ravel(self.shares(task, encoded, ids)), len(users))
            columns |= {f"{name}_C": 1.0 - own, f"{name}_{domain}": own}
        return {"attention": columns}

    def user_vectors(self, task, encoded, ids=None, noise=None):
        """Merged, [b, d]. What a step asks for twice is made once: the penalty is on the same vectors as the loss."""
        key = task, None if ids is None else tf.convert_to_tensor(ids).ref()
        if key not in encoded.merged:
            common, own = (gather(table, ids, encoded.found) for table in (self.common, self.own[task]))
            merged = common + self.shares(task, encoded, ids) * (own - common)
            encoded.merged[key] = dropout(merged, self.config.dropout, noise, f"users/{DOMAINS[task]}"), ids, noise
        return encoded.merged[key][0]

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.targets[task], ids)

    def prediction_vector(self, task, encoded):
        return tf.convert_to_tensor(self.heads[task])

    def penalised(self, task, encoded, users, items):
        """All parameters: tables by their rows, the others as they are."""
        tables = [rows(table, users, encoded.found) for table in (self.common, self.own[task])]
        whole = [self.heads[task], *(self.attention[task] if self.attention else ())]
        return [*tables, rows(self.targets[task], items), *(rows(variable, None) for variable in whole)]

    def own_penalty(self, encoded):
        """As released, on all users that the step has looked up: a whole-data step has the same for both tasks."""
        found = []
        if self.config.merged_l2:
            batches = {users: (ids, noise) for (_, users), (_, ids, noise) in encoded.merged.items()}
            for ids, noise in batches.values():
                merged = [self.user_vectors(task, encoded, ids, noise) for task in range(len(self.tasks))]
                found.append(self.config.merged_l2 * tf.nn.l2_loss(tf.add_n(merged)))
        weights = self.config.item_attention_l2, self.config.social_attention_l2
        for l2, attention in zip(weights, self.attention):
            if l2:
                found.append(l2 * tf.add_n([tf.nn.l2_loss(variable) for variable in attention]))
        return tf.add_n(found) if found else None
