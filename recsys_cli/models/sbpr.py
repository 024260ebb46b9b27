"""SBPR: social Bayesian personalised ranking (Zhao, McAuley & King, CIKM 2014), over matrix factorisation with item bias.

    -ln sigma((s_ui - s_uk) / (1 + c_uk)) - ln sigma(s_uk - s_uj)

for an item i that user u has, an item k that c_uk friends of u have and u has not, and an item j of neither; without such
a k it is BPR. That is its loss=bpr; other losses look at the user's own items only.

Deviations (the reference is the SBPR of LibRec, github.com/guoguibing/librec):
1. LibRec draws 100 users per user and pass, and a pair of each; here every observed pair comes once per epoch, with k and
   j drawn anew (loss.sampling=users draws users).
2. LibRec takes plain gradient steps (optimizer=sgd); here Adagrad, as in the thesis' baselines.
3. The paper leaves out how k is drawn; here, as in LibRec, uniformly from the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.settings import changed
from recsys_cli.data.dataset import CSR
from recsys_cli.losses.base import Plan
from recsys_cli.losses.sampled import SampledPhase, Sums, sample_negatives
from recsys_cli.models.base import Rows
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.models.social import friends_of
from recsys_cli.ops.streams import generator

USERS_AT_A_TIME = 512  # whose friends' items are laid out at once


class SBPR(MatrixFactorization):
    """Matrix factorisation that knows what friends have."""

    @dataclass(frozen=True)
    class Settings(MatrixFactorization.Settings):
        item_bias: bool = changed(MatrixFactorization.Settings, "item_bias", True)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.social = items_of_friends(dataset.target_train, friends_of(dataset, config.name))

    @classmethod
    def memory(cls, config, dataset):
        need, friends = super().memory(config, dataset), friends_of(dataset, config.name)
        listed = min(int(dataset.target_train.row_lengths[friends.indices].sum()), dataset.n_users * dataset.n_items)
        return need._replace(step=need.step + 3 * listed)

    def phases(self, usual, batch_size, seed):
        bpr = [phase for phase in usual if isinstance(phase, SampledPhase) and phase.config.name == "bpr"]
        return [SocialPhase(phase.config, self, self.target, batch_size, seed) for phase in bpr] or usual


class SocialPhase(SampledPhase):
    """A pass over the user's own items, each with one of the friends' and one of nobody's."""

    def __init__(self, config, model: SBPR, task: int, batch_size: int, seed: int):
        super().__init__(config, model, task, batch_size, seed)
        rows = np.concatenate([self.pairs.rows, model.social.rows])
        cols = np.concatenate([self.pairs.indices, model.social.indices])
        both = CSR.from_pairs(rows, cols, self.pairs.n_rows, self.pairs.n_cols)
        # Where friends have all that is left, there is no third item: the user has no social ones.
        self.social, self.apart = model.social, both.row_lengths < both.n_cols
        self.taken = both if self.apart.all() else _rows_of(both, self.pairs, self.apart)

    def plan(self, epoch: int) -> Plan:
        rng = generator(self.seed, f"batches/{self.name}", epoch)
        users, items = self._positives(rng)
        social, counts = self._of_friends(users, rng)
        by_popularity = None if self.config.popularity is None else self.cumulative
        unknown = sample_negatives(self.taken, users, self.config.negatives, rng, by_popularity)
        arrays = {"users": users, "items": np.column_stack([items, social, unknown]), "friends": counts}
        return Plan(-(-len(users) // self.batch_size), arrays)

    def _of_friends(self, users: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """int32 [n], float32 [n]: an item that friends have, and how many of them do (0: there is none)."""
        lengths = self.social.row_lengths[users] * self.apart[users]
        drawn = (rng.random(len(users)) * lengths).astype(np.int64)
        place = np.where(lengths > 0, self.social.indptr[users] + drawn, 0)
        if self.social.values is None or not self.social.nnz:
            return np.zeros(len(users), np.int32), np.zeros(len(users), np.float32)
        counts = np.where(lengths > 0, self.social.values[place], 0)
        return self.social.indices[place], counts.astype(np.float32)

    def of_batch(self, arrays, step, encoded, noise):
        model, first = self.model, step * self.batch_size
        users, items, friends = (arrays[n][first : first + self.batch_size] for n in ("users", "items", "friends"))
        scores = model.score(self.task, encoded, users, items, noise)
        own, social, unknown = scores[:, :1], scores[:, 1:2], scores[:, 2:]
        there = friends > 0
        known = tf.nn.softplus((social - own) / (1 + friends[:, None]))[:, 0]
        known += tf.reduce_sum(tf.nn.softplus(unknown - social), axis=1)
        without = tf.reduce_sum(tf.nn.softplus(unknown - own), axis=1)
        total = tf.reduce_sum(tf.where(there, known, without))
        penalised: Sequence[Rows] = []
        if self.config.l2:
            is_there = tf.concat([tf.ones_like(there[:, None]), there[:, None], tf.ones_like(unknown, tf.bool)], axis=1)
            penalised = model.penalised(self.task, encoded, users, tf.boolean_mask(items, is_there))
        return Sums(total, tf.shape(users)[0], penalised)


def items_of_friends(likes: CSR, friends: CSR) -> CSR:
    """Users x the items that their friends have and they have not; values: how many friends have them."""
    indptr, indices, values = [np.zeros(1, np.int64)], [], []
    for start in range(0, likes.n_rows, USERS_AT_A_TIME):
        end = min(start + USERS_AT_A_TIME, likes.n_rows)
        pairs = slice(friends.indptr[start], friends.indptr[end])
        users, others = friends.rows[pairs], friends.indices[pairs]
        lengths = likes.row_lengths[others]
        place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found = likes.indices[np.repeat(likes.indptr[others], lengths) + place]
        keys = np.sort(np.repeat(users, lengths).astype(np.int64) * likes.n_cols + found)
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        keys, counts = keys[first], np.diff(np.append(first, len(keys)))
        new = ~likes.contains(keys // likes.n_cols, keys % likes.n_cols)
        keys = keys[new]
        indptr.append(np.searchsorted(keys, np.arange(start + 1, end + 1) * likes.n_cols) + indptr[-1][-1])
        indices.append((keys % likes.n_cols).astype(np.int32))
        values.append(counts[new].astype(np.float32))
    return CSR(np.concatenate(indptr), np.concatenate(indices), likes.n_cols, np.concatenate(values))


def _rows_of(one: CSR, other: CSR, chosen: np.ndarray) -> CSR:
    """The rows of `one` where chosen [rows], else those of `other`."""
    keep, rest = chosen[one.rows], ~chosen[other.rows]
    rows = np.concatenate([one.rows[keep], other.rows[rest]])
    cols = np.concatenate([one.indices[keep], other.indices[rest]])
    return CSR.from_pairs(rows, cols, one.n_rows, one.n_cols)
