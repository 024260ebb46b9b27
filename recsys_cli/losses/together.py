"""A loss, and beside it in every step a second one that the model brings, with batches of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from recsys_cli.losses.base import Phase, Plan


class Beside:
    """What a step has more than the loss that was chosen."""

    def batches(self, epoch: int, plan: Plan) -> tuple[Mapping[str, np.ndarray], np.ndarray | float]:
        """(arrays, constants of the steps) for an epoch of `plan`, which depend on (seed, epoch) alone."""
        return {}, 0.0

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """As `Phase.loss`; arrays: those of the chosen loss, and its own as "beside/NAME"."""
        raise NotImplementedError


class Together(Phase):
    """The steps of a phase, each with the share of `beside` added."""

    def __init__(self, phase: Phase, beside: Beside):
        self.phase, self.beside = phase, beside
        self.name, self.variables, self.optimizer = phase.name, phase.variables, phase.optimizer

    def plan(self, epoch: int) -> Plan:
        plan = self.phase.plan(epoch)
        more, constants = self.beside.batches(epoch, plan)
        arrays = {**plan.arrays, **{f"beside/{name}": array for name, array in more.items()}}
        before = np.zeros(plan.n_steps) if plan.constants is None else plan.constants
        return Plan(plan.n_steps, arrays, before + constants)

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        return self.phase.loss(arrays, step, noise) + self.beside.loss(arrays, step, noise)


class Alone(Phase):
    """The same as a phase of its own, for training in turns."""

    def __init__(
        self,
        name: str,
        beside: Beside,
        n_steps: int,
        variables: Sequence[tf.Variable] | None = None,
        optimizer: Mapping[str, Any] | None = None,
    ):
        self.name, self.beside, self.n_steps = name, beside, n_steps
        self.variables, self.optimizer = variables, optimizer

    def plan(self, epoch: int) -> Plan:
        arrays, constants = self.beside.batches(epoch, Plan(self.n_steps, {}))
        named = {f"beside/{name}": array for name, array in arrays.items()}
        return Plan(self.n_steps, named, np.zeros(self.n_steps) + constants)

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        return self.beside.loss(arrays, step, noise)
