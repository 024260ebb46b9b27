"""Squared error of predicted ratings: 1/b sum (r - r^)^2 over the observed ratings of a batch, all once per epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.losses.base import LossSettings, Phase, Plan
from recsys_cli.models.base import TrainableModel, half_squares
from recsys_cli.ops.streams import generator


@dataclass(frozen=True)
class RatingSettings(LossSettings):
    name: str = changed(LossSettings, "name", "rating")
    scope: str = changed(LossSettings, "scope", "observed")
    l2: float = field(0.0, "times half the squared norm of the vectors of a rating, on average", low=0)


def rating_phases(config: RatingSettings, model: TrainableModel, batch_size: int, seed: int) -> list[Phase]:
    return [RatingPhase(config, model, batch_size, seed)]


class RatingPhase(Phase):
    """A pass over the ratings of the target, in an order of its own in every epoch."""

    name = "ratings"

    def __init__(self, config: RatingSettings, model: TrainableModel, batch_size: int, seed: int):
        self.config, self.model, self.batch_size, self.seed = config, model, batch_size, seed
        self.pairs = model.tasks[model.target].pairs
        if self.pairs.values is None or not np.isfinite(self.pairs.values).all():
            raise UserError(
                "loss=rating needs a rating of every training pair: take data with ratings, such as data=ml-100k, or name "
                "their column, data.columns={rating: <name>}."
            )
        model.start_at(float(self.pairs.values.mean(dtype=np.float64)))

    def plan(self, epoch: int) -> Plan:
        order = generator(self.seed, "batches/ratings", epoch).permutation(self.pairs.nnz)
        columns = {"users": self.pairs.rows, "items": self.pairs.indices, "ratings": self.pairs.values}
        arrays = {name: np.asarray(column)[order] for name, column in columns.items()}
        return Plan(-(-self.pairs.nnz // self.batch_size), arrays)

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        first, last = step * self.batch_size, (step + 1) * self.batch_size
        users, items, ratings = (arrays[name][first:last] for name in ("users", "items", "ratings"))
        model = self.model
        encoded = model.encode(noise)
        predicted = model.score(model.target, encoded, users, items[:, None], noise)[:, 0]
        total = tf.reduce_mean(tf.square(ratings - predicted))
        if self.config.l2:
            named = model.penalised(model.target, encoded, users, items[:, None])
            total += self.config.l2 * half_squares(named) / tf.cast(tf.shape(users)[0], total.dtype)
        own = model.own_penalty(encoded)
        return total if own is None else total + own
