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
from recsys_cli.losses.base import LossSettings, Phase, Plan, trained_tasks
from recsys_cli.losses.groups import Group, matrix_of, stacks_of
from recsys_cli.models.base import FactoredModel, Rows, half_squares
from recsys_cli.ops.layers import NoiseOfRows
from recsys_cli.ops.streams import generator
from recsys_cli.ops.whole_data import dense_whole_data_loss, whole_data_loss

SIDES = {"users": ("users",), "items": ("items",), "alternating": ("users", "items")}


@dataclass(frozen=True)
class WholeDataSettings(LossSettings):
    name: str = changed(LossSettings, "name", "non_sampling")
    scope: str = changed(LossSettings, "scope", "whole_data")
    negative_weight: float | dict[str, float] = field(
        0.1,
        "c0, the weight of a pair that was not observed (observed: 1); or one per task or group of tasks",
        low=0,
    )
    popularity: float | dict[str, float] | None = field(
        None,
        "rho: c_v = c0 m_v^rho / sum of m^rho, by the popularity m_v of the item; null: c_v = c0; or one per task or group",
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
    setting: float | Mapping[str, float], popularity: float | Mapping[str, float] | None, model: FactoredModel
) -> list[tuple[float, np.ndarray | None]]:
    """Per task (c0, weight per column or None for ones).

    setting: c0, one number, or one per task by its name or that of its group (a task's own name comes first).
    popularity: the exponent rho of c_v = c0 m_v^rho / sum_v m_v^rho, with m_v how often column v is observed
    (`Task.counts`), in the same forms; None: c_v = c0.
    """
    values = _by_task("loss.negative_weight", setting, model)
    exponents: Sequence[float | None] = (
        [None] * len(model.tasks) if popularity is None else _by_task("loss.popularity", popularity, model)
    )
    found: list[tuple[float, np.ndarray | None]] = []
    for task, value, exponent in zip(model.tasks, values, exponents):
        if exponent is None:
            found.append((value, None))
            continue
        power = np.maximum(task.pairs.col_counts if task.counts is None else task.counts, 1.0) ** exponent
        found.append((value, (power / power.sum()).astype(np.float32)))
    return found


def _by_task(key: str, setting: float | Mapping[str, float], model: FactoredModel) -> list[float]:
    """A number for each task, from one for all or from names of tasks and groups."""
    if not isinstance(setting, Mapping):
        return [float(setting)] * len(model.tasks)
    names = [task.name for task in model.tasks]
    groups = [group for group in dict.fromkeys(task.group for task in model.tasks) if group not in names]
    chosen = [task.name if task.name in setting else task.group for task in model.tasks]
    unknown = [name for name in setting if name not in (*names, *groups)]
    if unknown or any(name not in setting for name in chosen):
        or_groups = f" (or, for a group of them, {', '.join(groups)})" if len(groups) and len(names) > 1 else ""
        raise UserError(
            f"{key} names {', '.join(sorted(setting))}, but the tasks of model={model.name} on this data "
            f"set are {', '.join(names)}{or_groups}: give one number for all, or one for each."
            + (nearest(unknown[0], [*names, *groups]) if unknown else "")
        )
    return [float(setting[name]) for name in chosen]


class WholeDataPhase(Phase):
    """A pass over all users (or all items), each batch against all items (or all users).

    Tasks of one group are stacked. Groups whose rows are as many share the batches of an epoch; another number of
    rows (friends beside items) gets an order of its own, over the same number of steps.

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
        tasks = trained_tasks(model) if tasks is None else list(tasks)
        stacks = stacks_of(model, tasks, side, weights)
        share = model.share if side == "users" else None
        rows = [share.n_users if share else matrix_of(model, stack[0], side).n_rows for stack in stacks]
        self.n_rows = max(rows)
        steps = -(-self.n_rows // batch_size)
        sizes = [batch_size if n == self.n_rows else -(-n // steps) for n in rows]
        self.groups = [Group(model, stack, side, weights, n, dense) for stack, n in zip(stacks, sizes)]

    def plan(self, epoch: int) -> Plan:
        steps = -(-self.n_rows // self.batch_size)
        arrays: dict[str, np.ndarray] = {}
        constants = np.zeros(steps)
        for g, group in enumerate(self.groups):
            which = self._which(group)
            if f"ids{which}" not in arrays:
                drawn = generator(self.seed, f"batches/{self.name}{which}", epoch).permutation(group.n_all_rows)
                arrays |= {f"{key}{which}": array for key, array in group.order(drawn, steps).items()}
            order = arrays[f"ids{which}"], arrays[f"bounds{which}"]
            arrays |= {f"{g}/{key}": array for key, array in group.batches(*order).items()}
            constants = constants + group.constants(*order)
        return Plan(steps, arrays, constants)

    def _which(self, group: Group) -> str:
        """Which order a group goes by: what the names of its arrays end with."""
        return "" if group.n_all_rows == self.n_rows else f" of {group.n_all_rows}"

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        encoded = self.model.encode(noise)
        total, penalised, batches = tf.constant(0.0), [], {}
        for g, group in enumerate(self.groups):
            which = self._which(group)
            if which not in batches:
                batches[which] = self._batch(group, which, arrays, step, noise)
            ids, its_noise = batches[which]
            here = {key: arrays[f"{g}/{key}"] for key in group.array_names}
            total += group.loss(self.kernel, encoded, ids, here, step, its_noise)
            if self.l2:
                sides = (ids, None) if group.by_users else (None, ids)
                penalised += [rows for t in group.tasks for rows in self.model.penalised(t, encoded, *sides)]
        if self.l2:
            total += self.l2 * self._half_squares(penalised)
        own = self.model.own_penalty(encoded)
        return total if own is None else total + self._once(own)

    def _batch(self, group: Group, which: str, arrays, step, noise):
        """The rows of a step that are here, and their noise."""
        first, last = arrays[f"bounds{which}"][step], arrays[f"bounds{which}"][step + 1]
        if group.share is not None:
            n_rows = tf.minimum(group.batch_size, group.n_all_rows - step * group.batch_size)
            noise = NoiseOfRows(noise, arrays[f"places{which}"][first:last], n_rows)
        return arrays[f"ids{which}"][first:last], noise

    def _half_squares(self, named: Sequence[Rows]) -> tf.Tensor:
        if self.model.share is None:
            return half_squares(named)
        by_user, common = (
            half_squares([r for r in named if self.model.is_by_user(r.table) == wanted]) for wanted in (True, False)
        )
        return by_user + self._once(common)

    def _once(self, value: tf.Tensor) -> tf.Tensor:
        """What is of no user: workers add up what they have, so one of them counts it, and the others times 0."""
        return value if self.model.share is None or self.model.share.first else 0.0 * value
