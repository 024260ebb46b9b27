"""Methods that change a trained model instead of training it again. None of them is exact; they stand in tables for
contrast, and no run is ever changed by them.

- finetune: a few more epochs on the rest, by the loss and the optimiser of the run, with fresh slots.
- ascent: steps against the gradient descent on what the forgotten pairs add to the loss.
- influence: one Newton step, theta + (H + damping)^-1 g, with g the gradient of what the forgotten pairs add to the loss
  and H the Hessian of the loss of the rest (Koh and Liang, ICML 2017; over all parameters, where SCIF and IFRU take those
  nearby). H v by central differences, the inverse by conjugate gradients, which stop where the curvature is negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.losses import build_phases
from recsys_cli.models.base import Model, TrainableModel
from recsys_cli.ops.compiled import compiled, repeat
from recsys_cli.ops.layers import step_noise
from recsys_cli.ops.streams import stateless_seed
from recsys_cli.training.build import build_model
from recsys_cli.unlearning.compare import train_model

Arrays = dict[str, np.ndarray]
APART = 1e-2  # of two points between which a gradient is differenced, as a share of the norm of the parameters


class Settings(NamedTuple):
    epochs: int
    steps: int
    rate: float
    rounds: int
    damping: float


def build_with(config, dataset: Dataset, arrays: Mapping[str, np.ndarray]) -> Model:
    """config: the root node of the run."""
    model = build_model(config.model, dataset, config.seed)
    for name, variable in model.state().items():
        variable.assign(arrays[name])
    return model


def finetune(config, arrays: Arrays, before: Dataset, after: Dataset, settings: Settings, folder: Path) -> Arrays:
    """before, after: data sets with the same ids. folder: for training. Returns the changed parameters."""
    config = deepcopy(config)
    config.trainer.epochs = settings.epochs
    return _state(train_model(folder, config, build_with(config, after, arrays)))


def ascent(config, arrays: Arrays, before: Dataset, after: Dataset, settings: Settings, folder: Path) -> Arrays:
    known, rest = Summed(config, before, arrays), Summed(config, after, arrays)
    theta = rest.parameters()
    for _ in range(settings.steps):
        theta = theta + settings.rate * (known.gradient(theta) - rest.gradient(theta))
        if not np.isfinite(theta).all():
            raise UserError(f"ways=ascent: the parameters are no longer finite; lower ascent_rate={settings.rate}.")
    return rest.state(theta)


def influence(config, arrays: Arrays, before: Dataset, after: Dataset, settings: Settings, folder: Path) -> Arrays:
    known, rest = Summed(config, before, arrays), Summed(config, after, arrays)
    theta = rest.parameters()
    gradient = known.gradient(theta) - rest.gradient(theta)
    if not gradient.any():
        return arrays
    size = APART * float(np.linalg.norm(theta))

    def curvature(v: np.ndarray) -> np.ndarray:
        step = size / float(np.linalg.norm(v)) * v
        return (rest.gradient(theta + step) - rest.gradient(theta - step)) * (float(np.linalg.norm(v)) / (2 * size))

    damping = settings.damping * abs(float(gradient @ curvature(gradient))) / float(gradient @ gradient)
    return rest.state(theta + conjugate_gradients(lambda v: curvature(v) + damping * v, gradient, settings.rounds))


METHODS = {"finetune": finetune, "ascent": ascent, "influence": influence}


def conjugate_gradients(product, b: np.ndarray, rounds: int, tolerance: float = 1e-3) -> np.ndarray:
    """x with A x = b, or as near as so many rounds come; stops where the curvature is not positive. product: v -> A v."""
    x, residual = np.zeros_like(b), b.copy()
    direction, square = residual.copy(), float(residual @ residual)
    first = square
    for _ in range(rounds):
        image = product(direction)
        bend = float(direction @ image)
        if bend <= 0:
            break
        x += square / bend * direction
        residual -= square / bend * image
        square, last = float(residual @ residual), square
        if square <= tolerance**2 * first:
            break
        direction = residual + square / last * direction
    return x


class Summed:
    """The loss of a data set summed over one epoch, without dropout, and its gradient by all parameters, float64 [n]."""

    def __init__(self, config, dataset: Dataset, arrays: Mapping[str, np.ndarray]):
        config = deepcopy(config)
        if "dropout" in config.model:
            config.model.dropout = 0.0
        model = build_with(config, dataset, arrays)
        assert isinstance(model, TrainableModel), "a loss over all pairs needs user and item vectors"
        self._model, self._variables, self._arrays = model, model.trainable_variables, dict(arrays)
        model.begin_epoch(0)
        self._sums = [
            self._compile(phase) for phase in build_phases(config.loss, model, config.trainer.batch_size, config.seed)
        ]

    def parameters(self) -> np.ndarray:
        return np.concatenate([v.numpy().ravel() for v in self._variables]).astype(np.float64)

    def state(self, theta: np.ndarray) -> Arrays:
        self._assign(theta)
        return self._arrays | _state(self._model)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """At these parameters."""
        self._assign(theta)
        return np.sum(
            [np.concatenate([g.numpy().ravel() for g in total()]) for total in self._sums], axis=0, dtype=float
        )

    def _assign(self, theta: np.ndarray) -> None:
        start = 0
        for v in self._variables:
            end = start + int(np.prod(v.shape))
            v.assign(theta[start:end].reshape(v.shape).astype(np.float32))
            start = end

    def _compile(self, phase):
        plan = phase.plan(0)
        arrays, key = {k: tf.constant(a) for k, a in plan.arrays.items()}, stateless_seed(0, "streams/gradient")[0]

        def total(arrays):
            def one(step, *sums):
                with tf.GradientTape() as tape:
                    value = phase.loss(arrays, step, step_noise(key, tf.constant(0), step))
                found = tape.gradient(value, self._variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
                return tuple(s + tf.convert_to_tensor(g) for s, g in zip(sums, found))

            zeros = [tf.zeros_like(v) for v in self._variables]
            return repeat(tf.constant(0), tf.constant(plan.n_steps), one, zeros)

        loop = compiled(total, {k: tf.TensorSpec(a.shape, a.dtype) for k, a in arrays.items()})
        return lambda: loop(arrays)


def _state(model: Model) -> Arrays:
    return {name: variable.numpy() for name, variable in model.state().items()}
