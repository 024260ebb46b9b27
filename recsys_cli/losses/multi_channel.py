"""BPR over behaviours as channels (Loni et al. 2016): an item of a higher behaviour beats one of a lower, and
that beats an unobserved one.

The level of a (user, item) pair is the last behaviour, in causal order, in which it is observed. Per observed
pair of a behaviour, the negative is unobserved in every behaviour with probability `unobserved`; else it is
one of the user's items of a lower level, where level l weighs (its number of items of the user) x w_l, and
w_l halves from each behaviour to the one before. A user without lower levels gets an unobserved negative.

`positives: each` takes every observed pair of every behaviour once per epoch (the "prob" mode of
wgcn96/Multi-behavior, whose rules these are); `weighted` takes as many, drawn from the behaviours in
proportion to w_l x their sizes, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.losses.base import LossSettings, Phase, Plan
from recsys_cli.losses.sampled import SampledPhase, SampledSettings
from recsys_cli.models.base import TrainableModel
from recsys_cli.ops.streams import generator


@dataclass(frozen=True)
class MultiChannelSettings(LossSettings):
    name: str = changed(LossSettings, "name", "multi_channel_bpr")
    scope: str = changed(LossSettings, "scope", "sampled")
    unobserved: float = field(
        0.8, "share of negatives that the user has in no behaviour; the others are of a lower one", low=0, high=1
    )
    positives: str = field(
        "each",
        "each pair of every behaviour once per epoch; weighted: as many, target pairs more often",
        choices=("each", "weighted"),
    )
    negatives: int = field(1, "per positive, drawn again each epoch", low=1)
    popularity: float | None = field(
        None, "exponent by which popular items are drawn more often as unobserved ones; null: uniform", low=0
    )
    reduction: str = changed(SampledSettings, "reduction", "mean")
    l2: float = changed(SampledSettings, "l2", 0.0)


def multi_channel_phases(
    config: MultiChannelSettings, model: TrainableModel, batch_size: int, seed: int
) -> list[Phase]:
    """Raises UserError for a model without several tasks, or whose target has no weight."""
    if len(model.tasks) < 2:
        raise UserError(
            f"loss={config.name} compares behaviours, and model={model.name} sees only "
            f"{model.tasks[0].name!r}: take a model of several behaviours, such as mc_bpr or ehcf, on data with several "
            "(data.behaviours), or loss=bpr."
        )
    target = model.tasks[model.target]
    shapes = {(task.pairs.n_rows, task.pairs.n_cols): task.name for task in model.tasks}
    if len(shapes) > 1:
        (first, name), (second, other), *_ = shapes.items()
        raise UserError(
            f"loss={config.name} compares items of one user, and in model={model.name} {name!r} has {first[0]} x "
            f"{first[1]} pairs to predict, {other!r} {second[0]} x {second[1]}: take loss=bpr, or another model."
        )
    if not target.weight:
        raise UserError(
            f"loss={config.name} ranks all pairs by the target {target.name!r}, to which model.task_weights "
            "gives 0: give it a weight."
        )
    return [MultiChannelPhase(config, model, batch_size, seed)]


class MultiChannelPhase(SampledPhase):
    """Scores by the target task, whatever the channel."""

    def __init__(self, config, model: TrainableModel, batch_size: int, seed: int):
        self.channels = [task.pairs for task in model.tasks]
        shape = self.channels[0].n_rows, self.channels[0].n_cols
        rows, cols = (np.concatenate([getattr(c, a) for c in self.channels]) for a in ("rows", "indices"))
        anything = CSR.from_pairs(rows, cols, *shape)
        super().__init__(config, model, model.target, batch_size, seed, pairs=anything)
        self.importance = 2 ** np.arange(len(self.channels))  # whole numbers: levels are drawn exactly
        self.levels = []
        for k, channel in enumerate(self.channels):
            highest = np.ones(channel.nnz, bool)
            for higher in self.channels[k + 1 :]:
                highest &= ~higher.contains(channel.rows, channel.indices)
            self.levels.append(CSR.from_pairs(channel.rows[highest], channel.indices[highest], *shape))

    def plan(self, epoch: int) -> Plan:
        rng = generator(self.seed, "batches/channels", epoch)
        channel, users, items = self._drawn_positives(rng)
        negatives = self.draw_unobserved(users, rng)
        observed = rng.random(negatives.shape) >= self.config.unobserved
        for k in range(1, len(self.channels)):
            rows, places = np.nonzero(observed & (channel == k)[:, None])
            lower, found = self._from_lower(k, users[rows], rng)
            negatives[rows[found], places[found]] = lower
        arrays = {"users": users, "items": np.column_stack([items, negatives])}
        return Plan(-(-len(users) // self.batch_size), arrays)

    def _drawn_positives(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Channel, user and item of every positive of an epoch, in random order."""
        sizes = np.array([c.nnz for c in self.channels])
        if self.config.positives == "each":
            places = [np.arange(size) for size in sizes]
        else:
            share = sizes * self.importance
            counts = rng.multinomial(sizes.sum(), share / share.sum())
            places = [rng.integers(0, size, count) for size, count in zip(sizes, counts)]
        channel = np.repeat(np.arange(len(sizes)), [len(p) for p in places])
        users = np.concatenate([c.rows[p] for c, p in zip(self.channels, places)])
        items = np.concatenate([c.indices[p] for c, p in zip(self.channels, places)])
        order = rng.permutation(len(users))
        if len(self.usable) < self.pairs.n_rows:
            order = order[np.isin(users[order], self.usable)]
        return channel[order], users[order], items[order]

    def _from_lower(self, k: int, users: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
        """An item of a level below k for each of the users that has one, and the places of these users."""
        sizes = np.stack([level.row_lengths[users] for level in self.levels[:k]], axis=1)
        edges = np.cumsum(sizes * self.importance[:k], axis=1)
        found = np.flatnonzero(edges[:, -1])
        users, sizes, edges = users[found], sizes[found], edges[found]
        level = (rng.integers(0, edges[:, -1])[:, None] >= edges).sum(axis=1)
        place = (rng.random(len(users)) * sizes[np.arange(len(users)), level]).astype(np.int64)
        items = np.empty(len(users), np.int32)
        for j in range(k):
            here = level == j
            items[here] = self.levels[j].indices[self.levels[j].indptr[users[here]] + place[here]]
        return items, found
