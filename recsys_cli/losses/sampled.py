"""Losses over sampled negatives: BPR, binary cross-entropy, sampled softmax. They take any model that scores pairs.

Negatives are drawn again each epoch and are never an observed pair of the task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.losses.base import LossSettings, Phase, Plan, trained_tasks
from recsys_cli.models.base import Rows, TrainableModel, half_squares
from recsys_cli.ops.streams import generator


@dataclass(frozen=True)
class SampledSettings(LossSettings):
    name: str = changed(LossSettings, "name", "bpr")
    scope: str = changed(LossSettings, "scope", "sampled")
    negatives: int = field(1, "per observed pair, drawn again each epoch, never an observed pair", low=1)
    popularity: float | None = field(None, "exponent by which popular items are drawn more often; null: uniform", low=0)
    sampling: str = field(
        "interactions",
        "each observed pair once per epoch; users: distinct users per batch, one pair of each",
        choices=("interactions", "users"),
    )
    reduction: str = field("mean", "over the batch", choices=("mean", "sum"))
    l2: float = field(0.0, "times half the squared norm of the vectors in the batch", low=0)


def sampled_phases(config: SampledSettings, model: TrainableModel, batch_size: int, seed: int) -> list[Phase]:
    """config.name says which function of LOSSES."""
    tasks = trained_tasks(model)
    if model.joint and len(tasks) > 1:
        return [JointPhase(config, model, tasks, batch_size, seed)]
    return [SampledPhase(config, model, task, batch_size, seed) for task in tasks]


def bpr(positive: tf.Tensor, negative: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    """-ln sigma(s+ - s-), summed over the negatives: [b], [b, n] -> [b] (Rendle et al. 2009)."""
    return tf.reduce_sum(tf.nn.softplus(negative - positive[:, None]), axis=1)


def binary_cross_entropy(positive: tf.Tensor, negative: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    """-ln sigma(s+) - sum ln(1 - sigma(s-)): [b], [b, n] -> [b] (He et al. 2017, eq. 7)."""
    return tf.nn.softplus(-positive) + tf.reduce_sum(tf.nn.softplus(negative), axis=1)


def softmax(positive: tf.Tensor, negative: tf.Tensor, log_odds: tf.Tensor) -> tf.Tensor:
    """-ln softmax of the positive among itself and the negatives, with the logQ correction: [b], [b, n] -> [b].

    log_odds: [b, 1 + n], ln of the sampling probability of each item relative to uniform (Bengio & Senecal 2008).
    """
    scores = tf.concat([positive[:, None], negative], axis=1) - log_odds
    return tf.reduce_logsumexp(scores, axis=1) - scores[:, 0]


LOSSES = {"bpr": bpr, "multi_channel_bpr": bpr, "bce": binary_cross_entropy, "softmax": softmax}


class Sums(NamedTuple):
    """Of one task in one step. total: its weighted sum; rows: the size of the batch; penalised: what loss.l2 weighs."""

    total: tf.Tensor
    rows: tf.Tensor
    penalised: Sequence[Rows]


class SampledPhase(Phase):
    """A pass over the observed pairs of one task, each with n negatives.

    sampling "interactions": every pair once per epoch. "users": as many steps, but each draws users without
    replacement and one pair of each, as the RecEraser, LightGCN and KGAT code does.
    """

    def __init__(self, config, model: TrainableModel, task: int, batch_size: int, seed: int, pairs: CSR | None = None):
        self.config, self.model, self.task, self.batch_size, self.seed = config, model, task, batch_size, seed
        self.name = model.tasks[task].name
        self.pairs = pairs or model.tasks[task].pairs
        self.value = LOSSES[config.name]
        full = self.pairs.row_lengths >= self.pairs.n_cols
        self.usable = np.flatnonzero((self.pairs.row_lengths > 0) & ~full).astype(np.int32)
        if not len(self.usable):
            raise UserError(
                f"loss={config.name} needs users with both chosen and unchosen items, and the {self.name!r} pairs "
                f"have none ({self.pairs.nnz} pairs, {self.pairs.n_cols} items). loss=non_sampling needs no negatives."
            )
        counts = np.maximum(self.pairs.col_counts, 1.0) ** (config.popularity or 0.0)
        self.cumulative = np.cumsum(counts / counts.sum())
        self.log_odds = tf.constant(np.log(counts / counts.mean()), tf.float32)

    def plan(self, epoch: int) -> Plan:
        rng = generator(self.seed, f"batches/{self.name}", epoch)
        users, items = self._positives(rng)
        arrays = {"users": users, "items": np.column_stack([items, self.draw_unobserved(users, rng)])}
        return Plan(-(-len(users) // self.batch_size), arrays)

    def draw_unobserved(self, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int32 [len(users), negatives]"""
        by_popularity = None if self.config.popularity is None else self.cumulative
        return sample_negatives(self.pairs, users, self.config.negatives, rng, by_popularity)

    def _positives(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pairs, usable = self.pairs, self.usable
        if self.config.sampling == "interactions":
            order = rng.permutation(pairs.nnz)
            order = order[np.isin(pairs.rows[order], usable)] if len(usable) < pairs.n_rows else order
            return pairs.rows[order], pairs.indices[order]
        steps, size = pairs.nnz // self.batch_size + 1, self.batch_size
        if len(usable) >= size:
            users = np.concatenate([rng.choice(usable, size, replace=False) for _ in range(steps)])
        else:
            users = rng.choice(usable, steps * size)
        place = (rng.random(len(users)) * pairs.row_lengths[users]).astype(np.int64)
        return users, pairs.indices[pairs.indptr[users] + place]

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        encoded = self.model.encode(noise)
        return self.reduced([self.of_batch(arrays, step, encoded, noise)], encoded)

    def of_batch(self, arrays, step, encoded, noise) -> Sums:
        """The task's share in a step."""
        model, first = self.model, step * self.batch_size
        users = arrays["users"][first : first + self.batch_size]
        items = arrays["items"][first : first + self.batch_size]
        scores = model.score(self.task, encoded, users, items, noise)
        total = tf.reduce_sum(self.value(scores[:, 0], scores[:, 1:], tf.gather(self.log_odds, items)))
        penalised = model.penalised(self.task, encoded, users, items) if self.config.l2 else []
        return Sums(model.tasks[self.task].weight * total, tf.shape(users)[0], penalised)

    def reduced(self, parts: list[Sums], encoded) -> tf.Tensor:
        """The loss of a step from those of its tasks. No task weighs the penalty, as in the whole-data loss."""
        total = tf.add_n([part.total for part in parts])
        if self.config.l2:
            total += self.config.l2 * half_squares([rows for part in parts for rows in part.penalised])
        if self.config.reduction == "mean":
            total /= tf.cast(tf.add_n([part.rows for part in parts]), total.dtype)
        own = self.model.own_penalty(encoded)
        return total if own is None else total + own


class JointPhase(Phase):
    """One pass over the observed pairs of several tasks: every batch holds each task's share of them."""

    name = "joint"

    def __init__(self, config, model: TrainableModel, tasks: list[int], batch_size: int, seed: int):
        sizes = [model.tasks[t].pairs.nnz for t in tasks]
        steps = -(-sum(sizes) // batch_size)
        self.model = model
        self.parts = [SampledPhase(config, model, t, -(-n // steps), seed) for t, n in zip(tasks, sizes)]

    def plan(self, epoch: int) -> Plan:
        plans = {part.name: part.plan(epoch) for part in self.parts}
        arrays = {f"{name}/{key}": array for name, plan in plans.items() for key, array in plan.arrays.items()}
        return Plan(max(plan.n_steps for plan in plans.values()), arrays)

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        encoded = self.model.encode(noise)
        found = []
        for part in self.parts:
            own = {key: arrays[f"{part.name}/{key}"] for key in ("users", "items")}
            found.append(part.of_batch(own, step, encoded, noise))
        return self.parts[0].reduced(found, encoded)


def sample_negatives(
    pairs: CSR, users: np.ndarray, n: int, rng: np.random.Generator, cumulative: np.ndarray | None = None
) -> np.ndarray:
    """int32 [len(users), n]: items drawn uniformly (or by `cumulative` probability), observed pairs drawn again.

    Every user must have an item left to draw.
    """

    def draw(count: int) -> np.ndarray:
        if cumulative is None:
            return rng.integers(0, pairs.n_cols, count, dtype=np.int32)
        return np.minimum(np.searchsorted(cumulative, rng.random(count)), pairs.n_cols - 1).astype(np.int32)

    owners = np.repeat(users, n)
    items = draw(len(owners))
    open_places = np.arange(len(owners))
    while len(open_places):
        open_places = open_places[pairs.contains(owners[open_places], items[open_places])]
        items[open_places] = draw(len(open_places))
    return items.reshape(len(users), n)
