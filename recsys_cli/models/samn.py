"""SAMN: social attentional memory network (C. Chen et al., WSDM 2019).

    f_ut = (softmax_slots((n_u * n_t) K) V) * p_t       memory: which aspects u shares with friend t; n: p at length 1
    w_ut = softmax over the friends t of u of  a . ReLU(W' f_ut + b)
    score(u, v) = (p_u + sum_t w_ut f_ut) . q_v + b_v

Friends are users and share their table. As released, it is trained by BPR, with `loss.l2` (0.01 there) on the user's vector
with the friends' part, and on items and biases, once for each time that they come in a batch. Lists of friends are not
padded.

Deviations:
1. The authors' code has 128 dimensions; the thesis states 64 for all models.
2. The authors' code divides by the sum of the weights of the friends plus 1e-8.
3. The authors sum over a batch of 256: loss.reduction=sum trainer.batch_size=256. `attention_l2` is for sums; with the
   mean over a batch, the attention is penalised as many times more as there are pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.models.base import EmbeddingSettings, FactoredModel, Factors, Need, Rows, gather, rows
from recsys_cli.models.social import friends_of
from recsys_cli.ops.flat import places_of, softmax_by_row
from recsys_cli.ops.layers import dropout, times

USERS_AT_A_TIME = 1024  # when all are scored


class _Friends(NamedTuple):
    """Those of some users. owners: int32 [n], the place of the user of each; aspects: [n, slots]; vectors: f [n, d];
    weights: w [n]."""

    owners: tf.Tensor
    friends: tf.Tensor
    aspects: tf.Tensor
    vectors: tf.Tensor
    weights: tf.Tensor


class SAMN(FactoredModel):
    """What friends bring is part of the vector of a user."""

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        init: str = changed(EmbeddingSettings, "init", "uniform")
        init_scale: float = changed(EmbeddingSettings, "init_scale", 0.1)
        memory_slots: int = field(8, "of the memory: aspects in which users and friends may agree", low=1)
        attention_size: int = field(16, "width of the attention over friends", low=1)
        attention_l2: float = field(0.03, "times half the squared norm of the attention, once a step", low=0)
        dropout: float = field(0.0, "rate, on what the friends bring", low=0, below=1)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        friends = friends_of(dataset, config.name)
        self._starts, self._friends = tf.constant(friends.indptr, tf.int32), tf.constant(friends.indices, tf.int32)
        size, slots, width = config.embedding_size, config.memory_slots, config.attention_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.item_bias = tf.Variable(tf.zeros([self.n_items, 1]), name="item_bias")
        self.memory_key = self.parameter("memory_key", [size, slots])
        self.memory_value = tf.Variable(tf.ones([slots, size]), name="memory_value")
        self.attention = (
            self.parameter("attention_W", [size, width]),
            tf.Variable(tf.zeros([width]), name="attention_b"),
            self.parameter("attention_h", [width, 1]),
        )

    @classmethod
    def memory(cls, config, dataset):
        """Beside the vectors, those of the friends of a batch of users (of USERS_AT_A_TIME, when all are scored)."""
        size, friends = config.embedding_size, friends_of(dataset, config.name)
        per_friend = 6 * size + 3 * config.memory_slots + 2 * config.attention_size
        longest = np.sort(friends.row_lengths)[-USERS_AT_A_TIME:].sum()
        nodes = dataset.n_users + dataset.n_items
        return Need(
            nodes * size
            + dataset.n_items
            + size * (2 * config.memory_slots + config.attention_size)
            + 2 * config.attention_size,
            step=2 * per_friend * longest,
            scoring=per_friend * longest + nodes * size,
            pairs=dataset.target_train.nnz,
            width=2 * size,
            setting="model.embedding_size",
        )

    def encode(self, noise=None):
        return {}  # the users' vectors of this step, by their ids

    def of_friends(self, ids: tf.Tensor) -> _Friends:
        """ids: int32 [b]"""
        places, owners = places_of(self._starts, ids)
        friends = tf.gather(self._friends, places)
        users, others = tf.gather(self.user_embedding, tf.gather(ids, owners)), tf.gather(self.user_embedding, friends)
        common = tf.math.l2_normalize(users, axis=1) * tf.math.l2_normalize(others, axis=1)
        aspects = tf.nn.softmax(times(common, self.memory_key), axis=1)
        vectors = tf.matmul(aspects, self.memory_value) * others
        kernel, shift, head = self.attention
        logits = times(tf.nn.relu(times(vectors, kernel) + shift), head)[:, 0]
        return _Friends(owners, friends, aspects, vectors, softmax_by_row(logits, owners, tf.size(ids)))

    def user_vectors(self, task, encoded, ids=None, noise=None):
        key = None if ids is None else tf.convert_to_tensor(ids).ref()
        if key not in encoded:
            # A user comes once for each item in a batch, and has many friends: they are looked up once.
            users, place = (tf.range(self.n_users), None) if ids is None else tf.unique(ids)
            found = self.of_friends(users)
            weighted = found.weights[:, None] * found.vectors
            brought = tf.math.unsorted_segment_sum(weighted, found.owners, tf.size(users))
            brought = brought if place is None else tf.gather(brought, place)
            encoded[key] = gather(self.user_embedding, ids) + dropout(brought, self.config.dropout, noise, "friends")
        vectors = encoded[key]
        return tf.concat([vectors, tf.ones_like(vectors[:, :1])], axis=1)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return tf.concat([gather(self.item_embedding, ids), gather(self.item_bias, ids)], axis=-1)

    def penalised(self, task, encoded, users, items):
        key = None if users is None else tf.convert_to_tensor(users).ref()
        whole = Rows(self.user_embedding, users, encoded[key])
        return [whole, rows(self.item_embedding, items), rows(self.item_bias, items)]

    def own_penalty(self, encoded):
        if not self.config.attention_l2:
            return None
        return self.config.attention_l2 * tf.add_n([tf.nn.l2_loss(variable) for variable in self.attention])

    def scorer(self):
        """Users' vectors are made a block at a time: memory follows the friends of a block."""
        blocks = []
        for first in range(0, self.n_users, USERS_AT_A_TIME):
            ids = tf.range(first, min(first + USERS_AT_A_TIME, self.n_users))
            blocks.append(self.user_vectors(self.target, self.encode(), ids))
        return Factors(tf.concat(blocks, axis=0), self.item_vectors(self.target, None))

    def explain(self, users):
        """friends: of each user, with their weight; aspects: the share of each slot of the memory that both have."""
        found = self.of_friends(tf.constant(users, tf.int32))
        who = {"user": users[found.owners.numpy()], "friend": found.friends.numpy()}
        slots = {f"slot_{n}": column for n, column in enumerate(found.aspects.numpy().T)}
        return {"friends": {**who, "weight": found.weights.numpy()}, "aspects": {**who, **slots}}
