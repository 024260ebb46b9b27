"""A learner runs the steps of an epoch; its variables are all that a checkpoint must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
import tensorflow as tf

from recsys_cli.losses.base import Phase
from recsys_cli.models.base import Scorer, SolvedModel, TrainableModel
from recsys_cli.ops.compiled import compiled, repeat
from recsys_cli.ops.layers import step_noise
from recsys_cli.ops.streams import stateless_seed
from recsys_cli.training.optimizers import Optimizer, build_optimizer

Exchange = Callable[[Sequence, Sequence[tf.Variable]], Sequence]  # gradients, variables -> gradients


class GradientLearner:
    """Gradient steps of one model, a compiled loop over many steps at a time.

    What step s of epoch e does depends on the variables and (seed, e, s) only, so that any split of an epoch into
    calls of `run`, in any number of processes, gives the same bytes.

    exchange: what makes of the gradients of this process those of all workers, within the step; None: it is alone.
    """

    def __init__(
        self,
        model: TrainableModel,
        phases: Sequence[Phase],
        optimizer: Optimizer,
        seed: int,
        exchange: Exchange | None = None,
    ):
        self.model, self.phases, self.seed, self._exchange = model, phases, seed, exchange
        _assert_unique(model.name, "variables", [v.name for v in model.trainable_variables])
        _assert_unique(model.name, "phases", [phase.name for phase in phases])
        self._variables = [model.trainable_variables if p.variables is None else list(p.variables) for p in phases]
        self._optimizers, self._slots = [], {}
        shared = [v.ref() for p, own in zip(phases, self._variables) if p.optimizer is None for v in own]
        optimizer.build([v for v in model.trainable_variables if v.ref() in set(shared)])
        if shared:
            self._slots.update(optimizer.slots)
        for phase, own in zip(phases, self._variables):
            used = optimizer
            if phase.optimizer is not None:
                used = build_optimizer(phase.optimizer)
                used.build(own)
                self._slots.update({f"{phase.name}/{name}": slot for name, slot in used.slots.items()})
            used.factors = model.rate_factors
            self._optimizers.append(used)
        self._loops: dict[int, Callable[..., tf.Tensor]] = {}

    def state(self) -> dict[str, tf.Variable]:
        return {**self.model.state(), **self._slots}

    def scorer(self) -> Scorer:
        return self.model.scorer()

    def begin(self, epoch: int) -> int:
        """Lays out the batches of an epoch (counted from 0) and returns its number of steps."""
        self._arrays: list[dict[str, tf.Tensor]] = []  # those of the last epoch make room
        plans = []
        for phase in self.phases:
            plan = phase.plan(epoch)
            arrays = dict(plan.arrays)
            self._arrays.append({name: tf.constant(arrays.pop(name)) for name in list(arrays)})
            plans.append(plan._replace(arrays={}))
            del plan
        self._epoch = epoch
        self._constants = [np.zeros(p.n_steps) if p.constants is None else p.constants for p in plans]
        self._parts = list(turns([plan.n_steps for plan in plans], self.model.turns))
        self._keys = [stateless_seed(self.seed, f"noise/{phase.name}")[0] for phase in self.phases]
        self._steps = sum(plan.n_steps for plan in plans)
        return self._steps

    @property
    def calls(self) -> int:
        """Compiled calls of the epoch that has begun, if it is run in one go."""
        return len(self._parts)

    def run(self, first: int, last: int, total: float) -> float:
        """Does steps first..last-1 and returns `total` with their losses added, one by one in float64."""
        if first == 0 < last:
            self.model.begin_epoch(self._epoch)
        start = 0
        for p, begin, end in self._parts:
            low, high = begin + max(first - start, 0), min(end, begin + last - start)
            if low < high:
                if p not in self._loops:
                    self._loops[p] = self._compile(p)
                total = self._loops[p](
                    self._arrays[p],
                    tf.constant(self._constants[p], tf.float64),
                    tf.constant([self._keys[p], self._epoch, low, high], tf.int32),
                    tf.constant(total, tf.float64),
                )
            start += end - begin
        if first < last == self._steps:
            self.model.end_epoch(self._epoch)
        return float(total)

    def _compile(self, p: int):
        phase, variables, optimizer = self.phases[p], self._variables[p], self._optimizers[p]

        def loop(arrays, constants, place, total):
            key, epoch, first, last = tf.unstack(place)

            def one(step, total):
                with tf.GradientTape() as tape:
                    value = phase.loss(arrays, step, step_noise(key, epoch, step))
                gradients = tape.gradient(value, variables)
                if self._exchange:
                    gradients = self._exchange(gradients, variables)
                optimizer.apply(gradients, variables)
                return (total + (tf.cast(value, tf.float64) + constants[step]),)

            return repeat(first, last, one, (total,))[0]

        # Lengths differ from epoch to epoch: one trace for all of them.
        specs = {k: tf.TensorSpec([None, *a.shape[1:]], a.dtype) for k, a in self._arrays[p].items()}
        floats = tf.TensorSpec([None], tf.float64), tf.TensorSpec([4], tf.int32), tf.TensorSpec([], tf.float64)
        return compiled(loop, specs, *floats)


def turns(steps: Sequence[int], turn: Sequence[int] | None) -> Iterator[tuple[int, int, int]]:
    """The order of an epoch, as (phase, first, last) of its own steps.

    steps: of each phase in the epoch. turn: how many each does before the next one, until all are through; None: all.
    """
    sizes = [max(n, 1) for n in steps] if turn is None else turn
    assert len(sizes) == len(steps) and all(n > 0 for n in sizes), f"{len(steps)} phases take turns of {turn}"
    for r in count():
        parts = [(p, r * n, min((r + 1) * n, steps[p])) for p, n in enumerate(sizes) if r * n < steps[p]]
        if not parts:
            return
        yield from parts


def _assert_unique(model: str, what: str, names: list[str]) -> None:
    assert len(set(names)) == len(names), f"{model}: {what} must have unique names, got {names}"


class SolverLearner:
    """The same interface for a model that brings its own steps."""

    def __init__(self, model: SolvedModel):
        self.model = model
        self.state, self.begin, self.scorer = model.state, model.begin, model.scorer

    def run(self, first: int, last: int, total: float) -> float:
        for step in range(first, last):
            total += self.model.run_step(step)
        return total
