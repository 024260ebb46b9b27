"""What a loss is: one or more phases, each a plan of batches for an epoch and the loss of one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from data_prep.settings import Settings, field
from recsys_cli.models.base import TrainableModel


@dataclass(frozen=True)
class LossSettings(Settings):
    """What every loss has."""

    name: str = field("none", "the name of the choice", fixed=True)
    scope: str = field(
        "none",
        "what it looks at: all pairs, sampled ones, or none",
        choices=("whole_data", "sampled", "none"),
        fixed=True,
    )


class Plan(NamedTuple):
    """The batches of one epoch: arrays from which `Phase.loss` slices what step s needs."""

    n_steps: int
    arrays: Mapping[str, np.ndarray]


class Phase(Protocol):
    """One pass over the data. Most losses have one; ENMF-A has two, users and then items."""

    name: str

    def plan(self, epoch: int) -> Plan:
        """Depends on (seed, epoch) and the training pairs alone."""

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Scalar loss of one batch. Traced once; step: int32 scalar; noise: int32 [2], the seed of this step."""


def trained_tasks(model: TrainableModel) -> list[int]:
    """Those with a weight: a task of weight 0 costs nothing."""
    return [t for t, task in enumerate(model.tasks) if task.weight]
