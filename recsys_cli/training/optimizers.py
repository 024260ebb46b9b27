"""Optimisers on TensorFlow's fused update kernels: one pass over parameter and slot, touched rows only where sparse.

Why not those of Keras 3.15, which take the same accumulator and epsilon: they do not sum the gradients of a row that
comes twice in a batch before they square them, they take several times as long on the rows of a batch (Adagrad: 7.4 ms
against 1.0), and they keep state (iteration counts, caches) that an exact resume would have to carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import tensorflow as tf

from data_prep.errors import UserError, nearest
from data_prep.settings import Settings, changed, field

DENSE_SHARE = (
    2  # of a table: with more than half as many rows, a batch is applied faster as a dense gradient (on a CPU)
)


@dataclass(frozen=True)
class OptimizerSettings(Settings):
    """What every optimiser has."""

    name: str = field("sgd", "the name of the choice", fixed=True)
    learning_rate: float = field(0.05, "size of a step", above=0)


class Optimizer(tf.Module):
    """Updates variables in place; `slots` is all of its state."""

    Settings: ClassVar[type[OptimizerSettings]]

    def __init__(self, learning_rate: float):
        super().__init__()
        self.learning_rate = float(learning_rate)
        self.slots: dict[str, tf.Variable] = {}
        self.factors: Mapping[str, float] = {}  # of the learning rate, by the name of a variable

    def build(self, variables: Sequence[tf.Variable]) -> None:
        """Creates the slots; names are those of the variables, which must be unique."""

    def apply(self, gradients: Sequence, variables: Sequence[tf.Variable]) -> None:
        """gradients: a dense tensor, IndexedSlices (rows may repeat) or None per variable."""
        for gradient, variable in zip(gradients, variables):
            if isinstance(gradient, tf.IndexedSlices):
                self._slices(variable, gradient)
            elif gradient is not None:
                self._dense(variable, gradient)

    def _rate(self, variable: tf.Variable) -> float:
        return self.learning_rate * self.factors.get(_key(variable), 1.0)

    def _slot(self, variable: tf.Variable, kind: str, value: float) -> None:
        name = f"{_key(variable)}/{kind}"
        self.slots[name] = tf.Variable(tf.fill(variable.shape, tf.cast(value, variable.dtype)), name=name)

    def _slices(self, variable: tf.Variable, gradient: tf.IndexedSlices) -> None:
        self._sparse(variable, *sum_repeated(gradient))

    def _dense(self, variable: tf.Variable, gradient: tf.Tensor) -> None:
        raise NotImplementedError

    def _sparse(self, variable: tf.Variable, gradient: tf.Tensor, rows: tf.Tensor) -> None:
        raise NotImplementedError


class Adagrad(Optimizer):
    """a += g^2; x -= lr g / sqrt(a), without an epsilon; rows without a gradient keep value and accumulator.

    The thesis starts the accumulator at 1e-8, so the first update of a coordinate has a size near lr.
    """

    @dataclass(frozen=True)
    class Settings(OptimizerSettings):
        name: str = changed(OptimizerSettings, "name", "adagrad")
        initial_accumulator: float = field(1e-8, "of the sums of squared gradients", low=0)

    def __init__(
        self, learning_rate: float = Settings.learning_rate, initial_accumulator: float = Settings.initial_accumulator
    ):
        super().__init__(learning_rate)
        self.initial_accumulator = initial_accumulator

    def build(self, variables):
        for variable in variables:
            self._slot(variable, "accumulator", self.initial_accumulator)

    def _slices(self, variable, gradient):
        """As a dense gradient where the batch has many rows: the same bits on a CPU, in down to a third of the time."""
        if self.initial_accumulator == 0:  # a row without a gradient would get 0 / 0
            return super()._slices(variable, gradient)
        tf.cond(
            DENSE_SHARE * tf.size(gradient.indices) > variable.shape[0],
            lambda: self._dense(variable, _summed(gradient, variable)),
            lambda: super(Adagrad, self)._slices(variable, gradient),
        )

    def _dense(self, variable, gradient):
        accumulator = self.slots[f"{_key(variable)}/accumulator"]
        rate = tf.cast(self._rate(variable), variable.dtype)
        tf.raw_ops.ResourceApplyAdagrad(var=variable.handle, accum=accumulator.handle, lr=rate, grad=gradient)

    def _sparse(self, variable, gradient, rows):
        accumulator = self.slots[f"{_key(variable)}/accumulator"]
        rate = tf.cast(self._rate(variable), variable.dtype)
        tf.raw_ops.ResourceSparseApplyAdagrad(
            var=variable.handle, accum=accumulator.handle, lr=rate, grad=gradient, indices=rows
        )


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015) in the form of TensorFlow 1: moments of every row decay in every step.

    lazy: rows without a gradient keep their moments and values (the usual choice for large tables).
    """

    @dataclass(frozen=True)
    class Settings(OptimizerSettings):
        name: str = changed(OptimizerSettings, "name", "adam")
        learning_rate: float = changed(OptimizerSettings, "learning_rate", 0.001)
        beta_1: float = field(0.9, "decay of the mean of the gradients", low=0, below=1)
        beta_2: float = field(0.999, "decay of the mean of their squares", low=0, below=1)
        epsilon: float = field(1e-8, "added to the root of that mean", above=0)
        lazy: bool = field(
            False, "leave rows without a gradient as they are, moments included: quicker for large tables"
        )

    def __init__(
        self,
        learning_rate: float = Settings.learning_rate,
        beta_1: float = Settings.beta_1,
        beta_2: float = Settings.beta_2,
        epsilon: float = Settings.epsilon,
        lazy: bool = Settings.lazy,
    ):
        super().__init__(learning_rate)
        self.beta_1, self.beta_2, self.epsilon, self.lazy = beta_1, beta_2, epsilon, lazy

    def build(self, variables):
        for variable in variables:
            self._slot(variable, "m", 0.0)
            self._slot(variable, "v", 0.0)
        self.slots["adam/beta_1_power"] = tf.Variable(self.beta_1, dtype=tf.float32)
        self.slots["adam/beta_2_power"] = tf.Variable(self.beta_2, dtype=tf.float32)

    def apply(self, gradients, variables):
        super().apply(gradients, variables)
        for power, beta in (("adam/beta_1_power", self.beta_1), ("adam/beta_2_power", self.beta_2)):
            self.slots[power].assign(self.slots[power] * beta)

    def _dense(self, variable, gradient):
        m, v = (self.slots[f"{_key(variable)}/{s}"] for s in "mv")
        kind = variable.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            grad=gradient,
            beta1_power=tf.cast(self.slots["adam/beta_1_power"], kind),
            beta2_power=tf.cast(self.slots["adam/beta_2_power"], kind),
            lr=tf.cast(self._rate(variable), kind),
            beta1=tf.cast(self.beta_1, kind),
            beta2=tf.cast(self.beta_2, kind),
            epsilon=tf.cast(self.epsilon, kind),
        )

    def _slices(self, variable, gradient):
        if self.lazy:
            return super()._slices(variable, gradient)
        self._dense(variable, _summed(gradient, variable))

    def _sparse(self, variable, gradient, rows):
        m, v = (self.slots[f"{_key(variable)}/{s}"] for s in "mv")
        new_m = self.beta_1 * tf.gather(m, rows) + (1.0 - self.beta_1) * gradient
        new_v = self.beta_2 * tf.gather(v, rows) + (1.0 - self.beta_2) * tf.square(gradient)
        rate = (
            self._rate(variable)
            * tf.sqrt(1.0 - self.slots["adam/beta_2_power"])
            / (1.0 - self.slots["adam/beta_1_power"])
        )
        m.scatter_update(tf.IndexedSlices(new_m, rows))
        v.scatter_update(tf.IndexedSlices(new_v, rows))
        variable.scatter_sub(tf.IndexedSlices(rate * new_m / (tf.sqrt(new_v) + self.epsilon), rows))


class SGD(Optimizer):
    """x -= lr g."""

    @dataclass(frozen=True)
    class Settings(OptimizerSettings): ...

    def _dense(self, variable, gradient):
        variable.assign_sub(self._rate(variable) * gradient)

    def _sparse(self, variable, gradient, rows):
        variable.scatter_sub(tf.IndexedSlices(self._rate(variable) * gradient, rows))


OPTIMIZERS: dict[str, type[Optimizer]] = {"adagrad": Adagrad, "adam": Adam, "sgd": SGD}


def build_optimizer(config: Mapping) -> Optimizer:
    """config: a node of configs/optimizer or a mapping, of a `name` and the settings of that optimiser."""
    if config["name"] not in OPTIMIZERS:
        raise UserError(f"optimizer.name: unknown optimiser {config['name']!r}.{nearest(config['name'], OPTIMIZERS)}")
    cls = OPTIMIZERS[config["name"]]
    options = asdict(cls.Settings.from_config(config, "optimizer"))
    del options["name"]
    return cls(**options)


def _key(variable: tf.Variable) -> str:
    return variable.name.split(":")[0]


def sum_repeated(slices: tf.IndexedSlices) -> tuple[tf.Tensor, tf.Tensor]:
    """Adds the gradients of repeated rows: Adagrad and Adam square the sum, not the parts."""
    rows, position = tf.unique(slices.indices)
    return tf.math.unsorted_segment_sum(slices.values, position, tf.shape(rows)[0]), rows


def _summed(slices: tf.IndexedSlices, variable: tf.Variable) -> tf.Tensor:
    """The same as a dense gradient."""
    return tf.math.unsorted_segment_sum(slices.values, slices.indices, variable.shape[0])
