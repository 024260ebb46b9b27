"""A learner runs the steps of an epoch; its variables are all that a checkpoint must hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from recsys_cli.losses.base import Phase
from recsys_cli.models.base import SolvedModel, TrainableModel
from recsys_cli.ops.layers import MASKS_PER_STEP
from recsys_cli.ops.streams import stateless_seed
from recsys_cli.training.optimizers import Optimizer


class GradientLearner:
    """Gradient steps of one model, a compiled loop over many steps at a time.

    What step s of epoch e does depends on the variables and (seed, e, s) only, so that any split of an epoch into
    calls of `run`, in any number of processes, gives the same bytes.
    """

    def __init__(self, model: TrainableModel, phases: Sequence[Phase], optimizer: Optimizer, seed: int):
        self.model, self.phases, self.optimizer, self.seed = model, phases, optimizer, seed
        self.trainable = model.trainable_variables
        names = [v.name for v in self.trainable]
        assert len(set(names)) == len(names), f"{model.name}: variables must have unique names, got {names}"
        optimizer.build(self.trainable)
        self._loops = [None] * len(phases)

    def state(self) -> dict[str, tf.Variable]:
        return {**self.model.state(), **self.optimizer.slots}

    def begin(self, epoch: int) -> int:
        """Lays out the batches of an epoch (counted from 0) and returns its number of steps."""
        plans = [phase.plan(epoch) for phase in self.phases]
        self._arrays = [{k: tf.constant(a) for k, a in plan.arrays.items()} for plan in plans]
        self._starts = np.cumsum([0] + [plan.n_steps for plan in plans])
        self._keys = [stateless_seed(self.seed, f"noise/{phase.name}", epoch)[0] for phase in self.phases]
        return int(self._starts[-1])

    def run(self, first: int, last: int, total: float) -> float:
        """Does steps first..last-1 and returns `total` with their losses added, one by one in float64."""
        for p, (start, stop) in enumerate(zip(self._starts[:-1], self._starts[1:])):
            low, high = max(first, start) - start, min(last, stop) - start
            if low < high:
                if self._loops[p] is None:
                    self._loops[p] = self._compile(p)
                total = self._loops[p](
                    self._arrays[p],
                    tf.constant(self._keys[p]),
                    tf.constant(low, tf.int32),
                    tf.constant(high, tf.int32),
                    tf.constant(total, tf.float64),
                )
        return float(total)

    def _compile(self, p: int):
        phase = self.phases[p]

        def loop(arrays, key, first, last, total):
            for step in tf.range(first, last):
                tf.autograph.experimental.set_loop_options(parallel_iterations=1)
                noise = tf.stack([key, step * MASKS_PER_STEP])
                with tf.GradientTape() as tape:
                    value = phase.loss(arrays, step, noise)
                self.optimizer.apply(tape.gradient(value, self.trainable), self.trainable)
                total += tf.cast(value, tf.float64)
            return total

        # Lengths differ from epoch to epoch: one trace for all of them.
        specs = {k: tf.TensorSpec([None, *a.shape[1:]], a.dtype) for k, a in self._arrays[p].items()}
        scalar = tf.TensorSpec([], tf.int32)
        return tf.function(loop, input_signature=[specs, scalar, scalar, scalar, tf.TensorSpec([], tf.float64)])


class SolverLearner:
    """The same interface for a model that brings its own steps."""

    def __init__(self, model: SolvedModel):
        self.model = model
        self.state, self.begin = model.state, model.begin

    def run(self, first: int, last: int, total: float) -> float:
        for step in range(first, last):
            total += self.model.run_step(step)
        return total
