"""What a loss is: one or more phases, each a plan of batches for an epoch and the loss of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import Settings, field
from recsys_cli.models.base import TrainableModel


@dataclass(frozen=True)
class LossSettings(Settings):
    """What every loss has."""

    name: str = field("none", "the name of the choice", fixed=True)
    scope: str = field(
        "none",
        "what it looks at: all pairs, sampled ones, observed ones alone, or none",
        choices=("whole_data", "sampled", "observed", "none"),
        fixed=True,
    )


class Plan(NamedTuple):
    """The batches of one epoch: arrays from which `Phase.loss` slices what step s needs.

    constants: float64 [n_steps], what the reported loss has more than that of a step, without an effect on training;
    None: nothing.
    """

    n_steps: int
    arrays: Mapping[str, np.ndarray]
    constants: np.ndarray | None = None


class Phase:
    """One pass over the data. Most losses have one; ENMF-A has two, users and then items; a model may bring its own.

    variables: those that its steps change; None: all trainable ones of the model. optimizer: its own, by the keys of
    configs/optimizer, with state of its own; None: that of the run, shared with every other phase that has none.
    """

    name: str
    variables: Sequence[tf.Variable] | None = None
    optimizer: Mapping[str, Any] | None = None

    def plan(self, epoch: int) -> Plan:
        """Depends on (seed, epoch) and the training pairs alone. Without steps, the phase is left out of the epoch."""
        raise NotImplementedError

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Scalar loss of one batch. Traced once; step: int32 scalar; noise: int64 [2], the seed of this step.

        What is drawn inside, by layers.fold(noise, purpose), depends on (seed, phase, epoch, step) and the parameters.
        """
        raise NotImplementedError


def trained_tasks(model: TrainableModel) -> list[int]:
    """Those with a weight: a task of weight 0 costs nothing."""
    return [t for t, task in enumerate(model.tasks) if task.weight]


def check_penalty(l2: float, model: TrainableModel) -> None:
    """Refuses loss.l2 for a model that does not say what it weighs: a guess would square constants."""
    if l2 and type(model).penalised is TrainableModel.penalised:
        raise UserError(
            f"loss.l2={l2}: model={model.name} does not say which vectors it penalises (method `penalised`): set "
            "loss.l2=0, or add the method."
        )
