"""Non-sampling learning: the weighted squared loss over all user-item pairs (thesis chapter 3), in batches of users,
of items, or of both in turn, by the fast form (theorem 3.1) or by visiting every pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError, nearest
from data_prep.settings import changed, field
from recsys_cli.data.dataset import CSR
from recsys_cli.losses.base import LossSettings, Plan, trained_tasks
from recsys_cli.models.base import FactoredModel
from recsys_cli.ops.streams import generator
from recsys_cli.ops.whole_data import ObservedPairs, dense_whole_data_loss, whole_data_loss

SIDES = {"users": ("users",), "items": ("items",), "alternating": ("users", "items")}


@dataclass(frozen=True)
class WholeDataSettings(LossSettings):
    name: str = changed(LossSettings, "name", "non_sampling")
    scope: str = changed(LossSettings, "scope", "whole_data")
    negative_weight: float | dict[str, float] = field(
        0.1,
        "c0, the weight of a pair that was not observed (observed: 1); or one per behaviour",
        low=0,
    )
    popularity: float | None = field(
        None,
        "rho: c_v = c0 m_v^rho / sum of m^rho, by the popularity m_v of the item; null: c_v = c0",
        low=0,
    )
    batch: str = field(
        "users",
        "users (ENMF-U), items (ENMF-I), alternating (ENMF-A: in each epoch users, then items)",
        choices=tuple(SIDES),
    )
    l2: float = field(0.0, "times half the squared norm of the vectors", low=0)
    dense: bool = field(False, 'visit every pair ("ENMF-Original"), which is slow')


def whole_data_phases(
    config: WholeDataSettings, model: FactoredModel, batch_size: int, seed: int
) -> list[WholeDataPhase]:
    weights = negative_weights(config.negative_weight, config.popularity, model)
    together = [None] if model.joint else [[t] for t in trained_tasks(model)]
    return [
        WholeDataPhase(model, side, batch_size, weights, config.l2, config.dense, seed, tasks)
        for tasks in together
        for side in SIDES[config.batch]
    ]


def negative_weights(
    setting: float | Mapping[str, float], popularity: float | None, model: FactoredModel
) -> list[tuple[float, np.ndarray | None]]:
    """Per task (c0, weight per item or None for ones).

    setting: c0, one number or one per task by its name. popularity: the exponent rho of
    c_v = c0 m_v^rho / sum_v m_v^rho, with m_v the number of observed pairs of item v; None: c_v = c0.
    """
    names = [task.name for task in model.tasks]
    values = dict(setting) if isinstance(setting, Mapping) else dict.fromkeys(names, setting)
    if set(values) != set(names):
        unknown = [name for name in values if name not in names]
        raise UserError(
            f"loss.negative_weight names {', '.join(sorted(values))}, but the tasks of model={model.name} on this data "
            f"set are {', '.join(names)}: give one number for all, or one for each."
            + (nearest(unknown[0], names) if unknown else "")
        )
    if popularity is None:
        return [(float(values[name]), None) for name in names]
    powers = [np.maximum(task.pairs.col_counts, 1.0) ** popularity for task in model.tasks]
    return [(float(values[name]), (p / p.sum()).astype(np.float32)) for name, p in zip(names, powers)]


class WholeDataPhase:
    """A pass over all users (or all items), each batch against all items (or all users).

    tasks: their numbers; None for all that have a weight.
    """

    def __init__(
        self,
        model: FactoredModel,
        side: str,
        batch_size: int,
        weights: list[tuple[float, np.ndarray | None]],
        l2: float,
        dense: bool,
        seed: int,
        tasks: Sequence[int] | None = None,
    ):
        self.side = side
        self.name = side if tasks is None else "+".join([side, *(model.tasks[t].name for t in tasks)])
        self.model, self.batch_size, self.l2, self.seed = model, batch_size, l2, seed
        self.kernel = dense_whole_data_loss if dense else whole_data_loss
        # Tasks that differ in their prediction vector only are stacked: one Gramian of the items serves all. A
        # popularity weight per task is a weight per item per task, which does not stack.
        stack = model.shared_towers and all(item_weight is None for _, item_weight in weights)
        tasks = trained_tasks(model) if tasks is None else tasks
        self.groups = [
            _Group(model, list(g), side, weights, batch_size, dense)
            for g in ([tasks] if stack else [[t] for t in tasks])
        ]
        self.n_rows = self.groups[0].n_rows

    def plan(self, epoch: int) -> Plan:
        ids = generator(self.seed, f"batches/{self.name}", epoch).permutation(self.n_rows).astype(np.int32)
        arrays = {"ids": ids}
        for g, group in enumerate(self.groups):
            arrays.update({f"{g}/{name}": array for name, array in group.batches(ids).items()})
        return Plan(-(-self.n_rows // self.batch_size), arrays)

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        ids = arrays["ids"][step * self.batch_size : (step + 1) * self.batch_size]
        encoded = self.model.encode(noise)
        total = tf.constant(0.0)
        for g, group in enumerate(self.groups):
            here = {name: arrays[f"{g}/{name}"] for name in group.array_names}
            total += group.loss(self.kernel, encoded, ids, here, step, noise)
        if self.l2:
            users, items = (ids, None) if self.side == "users" else (None, ids)
            total += self.l2 * self.model.penalty(self.model.target, encoded, users, items)
        own = self.model.own_penalty(encoded)
        return total if own is None else total + own


class _Group:
    """Tasks with common towers: their rows are stacked below one another into one call of the kernel."""

    def __init__(self, model, tasks: list[int], side: str, weights, batch_size: int, dense: bool):
        self.model, self.tasks, self.by_users, self.batch_size = model, tasks, side == "users", batch_size
        matrices = [model.tasks[t].pairs if self.by_users else model.tasks[t].pairs.T for t in tasks]
        self.n_rows, self.matrix = matrices[0].n_rows, stack_rows(matrices)
        self.importance = [model.tasks[t].weight for t in tasks]
        self.weight = [model.tasks[t].weight * weights[t][0] for t in tasks]
        item_weight = weights[tasks[0]][1]
        self.item_weight = None if item_weight is None else tf.constant(item_weight)
        # Sparse products win where a batch has more pairs than there are columns (measured 2.5x on MovieLens), sums by
        # segment win elsewhere (1.5x on Taobao). The product is not deterministic on a GPU.
        pairs_per_batch = self.matrix.nnz * batch_size / max(self.n_rows, 1)
        self.by_product = (
            not dense and pairs_per_batch > self.matrix.n_cols and not tf.config.list_logical_devices("GPU")
        )
        self.array_names = ["rows", "cols", "offsets"] + ["by_col"] * self.by_product
        self.columns = np.argsort(self.matrix.indices, kind="stable") if self.by_product else None

    def batches(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Pairs of all batches in order, rows numbered within their batch, task by task."""
        starts = range(0, len(ids), self.batch_size)
        shifts = self.n_rows * np.arange(len(self.tasks))[:, None]
        batches = [(ids[None, s : s + self.batch_size] + shifts).ravel() for s in starts]
        order = np.concatenate(batches)
        row_in_batch = np.concatenate([np.arange(len(b), dtype=np.int32) for b in batches])
        ends = np.zeros(len(order) + 1, np.int64)
        np.cumsum(self.matrix.row_lengths[order], out=ends[1:])
        lengths = np.diff(ends)
        source = np.repeat(self.matrix.indptr[order] - ends[:-1], lengths)
        source += np.arange(len(source))
        boundaries = np.concatenate([[0], np.cumsum([len(b) for b in batches])])
        arrays = {
            "rows": np.repeat(row_in_batch, lengths),
            "cols": self.matrix.indices[source],
            "offsets": ends[boundaries].astype(np.int32),
        }
        if self.by_product:
            arrays["by_col"] = self._by_col(source, arrays["offsets"])
        return arrays

    def _by_col(self, source: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The permutation within each batch that sorts its pairs by column."""
        place = np.full(self.matrix.nnz, -1)
        place[source] = np.arange(len(source))
        place = place[self.columns]
        if len(source) < self.matrix.nnz:  # not every row is in a batch
            place = place[place >= 0]
        counts = np.diff(offsets)
        small = np.uint16 if len(counts) < 2**16 else np.uint32  # 16 bits: NumPy sorts by radix
        batch = np.repeat(np.arange(len(counts), dtype=small), counts)
        place = place[np.argsort(batch[place], kind="stable")]
        return (place - np.repeat(offsets[:-1], counts)).astype(np.int32)

    def loss(self, kernel, encoded, ids, arrays, step, noise) -> tf.Tensor:
        first, last = arrays["offsets"][step], arrays["offsets"][step + 1]
        pairs = ObservedPairs(*(arrays[n][first:last] if n in arrays else None for n in ("rows", "cols", "by_col")))
        model, task = self.model, self.tasks[0]
        if self.by_users:
            batched, others = model.user_vectors(task, encoded, ids, noise), model.item_vectors(task, encoded)
        else:
            batched, others = model.item_vectors(task, encoded, ids, noise), model.user_vectors(task, encoded)
        heads = [model.prediction_vector(t, encoded) for t in self.tasks]
        x = tf.concat([batched if h is None else batched * h for h in heads], axis=0)
        observed_weight, row_weight = self._per_row(self.importance, ids), self._per_row(self.weight, ids)
        if observed_weight.shape.rank:
            observed_weight = tf.gather(observed_weight, pairs.rows)
        col_weight = None
        if self.item_weight is not None and self.by_users:
            col_weight = self.item_weight
        elif self.item_weight is not None:
            row_weight = row_weight * tf.gather(self.item_weight, ids)
        return kernel(x, others, pairs, observed_weight=observed_weight, row_weight=row_weight, col_weight=col_weight)

    def _per_row(self, values: list[float], ids: tf.Tensor) -> tf.Tensor:
        """A value per task as a scalar (one task), or repeated for the rows of the batch."""
        return tf.constant(values[0]) if len(values) == 1 else tf.repeat(tf.constant(values), tf.shape(ids)[0])


def stack_rows(matrices: Sequence[CSR]) -> CSR:
    """The matrices below one another."""
    if len(matrices) == 1:
        return matrices[0]
    starts = np.concatenate([[0], np.cumsum([m.nnz for m in matrices])])
    indptr = np.concatenate([[0], *(m.indptr[1:] + s for m, s in zip(matrices, starts))])
    return CSR(indptr.astype(np.int64), np.concatenate([m.indices for m in matrices]), matrices[0].n_cols)
