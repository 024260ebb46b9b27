"""Takes a model through the five recorded batches and compares all that the authors' program gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import tensorflow as tf
from omegaconf import DictConfig, OmegaConf

from recsys_cli.losses import build_phases, whole_data
from recsys_cli.losses.base import Phase, Plan
from recsys_cli.models.base import FactoredModel
from recsys_cli.training.build import build_learner
from tests.golden.golden import Golden

STEPS = 5


class Limits(NamedTuple):
    """Largest absolute errors: ten times what a disturbance of the initial values by one rounding error changes."""

    after_1: float = 1e-5
    after_5: float = 1e-5
    scores: float = 1e-5


USUAL = Limits()


class Replay:
    """One run of the authors' program beside ours.

    names: theirs, of parameters that we call otherwise. place: brings an array of ours into the form of theirs, where
    theirs holds more (name, array, "grad1" | "step1" | "step5" -> array).
    """

    def __init__(self, golden: Golden, config: DictConfig, model: FactoredModel, limits: Limits = USUAL):
        self.golden, self.config, self.model, self.limits = golden, config, model, limits
        self.learner = build_learner(config, model)
        (self.phase,) = self.learner.phases
        self.names = {name: name for name in model.state()}
        self.place: Callable[[str, np.ndarray, str], np.ndarray] = lambda name, array, when: array

    def start(self, initial: Callable[[str, np.ndarray], np.ndarray] = lambda name, array: array) -> None:
        """initial: what of the recorded array is ours."""
        for name, variable in self.model.state().items():
            array = initial(name, self.golden.given(f"init/{self.names[name]}"))
            variable.assign(array.reshape(variable.shape))

    def start_whole(self, extra: Iterable[str] = ()) -> None:
        """All parameters that the authors have, but for the extra ones, and no more."""
        theirs = {key.removeprefix("init/") for key in self.golden.keys("init/*")}
        assert {self.names[name] for name in self.model.state()} == theirs - set(extra)
        self.start()

    def alone(self) -> list[Phase]:
        """The loss of every task by itself."""
        config, self.model.joint = self.config, False
        found = build_phases(config.loss, self.model, config.trainer.batch_size, config.seed)
        self.model.joint = True
        return found

    def follow(
        self,
        plans: list[Plan],
        parts: Callable[[Plan], Mapping[str, float]] = lambda plan: {},
        besides: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """plans: the recorded batches. parts: of the loss of a batch, by their recorded names. besides: what the authors
        add to these, [STEPS]."""
        self._check_gradients(plans[0])
        self.phase.plan = plans.__getitem__  # an epoch is a batch
        losses = defaultdict(list)
        for step, plan in enumerate(plans):
            for name, value in parts(plan).items():
                losses[name].append(value)
            assert self.learner.begin(step) == 1
            losses["total"].append(self.learner.run(0, 1, 0.0))
            if step in (0, STEPS - 1):
                self._check_parameters(f"step{step + 1}", self.limits.after_5 if step else self.limits.after_1)
        for name, more in (besides or {}).items():
            losses[name] = losses[name] + more
        if "loss/returned_by_train_call" in self.golden:
            losses["returned_by_train_call"] = losses["total"]
        for name, values in losses.items():
            self.golden.check(f"loss/{name}", values, 1e-5, 1e-4 if name != "reg" else 0.0)

    def _check_gradients(self, plan: Plan) -> None:
        variables = self.model.state()
        with tf.GradientTape() as tape:
            value = loss_of(self.phase, plan)
        for name, gradient in zip(variables, tape.gradient(value, list(variables.values()))):
            if gradient is None:  # recorded ones must all be looked at
                continue
            array = self.place(name, tf.convert_to_tensor(gradient).numpy(), "grad1")
            self.golden.check(f"grad1/{self.names[name]}", array, 1e-4, 1e-5)

    def _check_parameters(self, when: str, limit: float) -> None:
        for name, variable in self.model.state().items():
            self.golden.check(f"{when}/{self.names[name]}", self.place(name, variable.numpy(), when), 0, limit)

    def scores(self) -> np.ndarray:
        """[n_users, n_items]"""
        return self.model.scorer()(tf.range(self.model.n_users)).numpy()

    def check_positive_scores(
        self, lists: str = "item", key: str = "fwd0/positive_scores", task: int = 0, padding: int | None = None
    ) -> None:
        """Of the first batch; the recorded ones are 0 where a list is padded (padding: with which id; None: that of
        items)."""
        users, items = (self.golden.given(f"batch/{name}")[0] for name in ("user_ids", f"{lists}_lists"))
        scores = self.model.score(task, self.model.encode(), *(tf.constant(ids, tf.int32) for ids in (users, items)))
        padding = self.golden.hyper["padding_item_id"] if padding is None else padding
        self.golden.check(key, np.where(items == padding, 0, scores), 0, 1e-6)

    def without_l2(self, name: str, reg: str | None = "reg") -> Callable[[Plan], Mapping[str, float]]:
        """The loss of a batch in two parts: without the penalty of its vectors, and (if named) that penalty."""
        loss = OmegaConf.merge(self.config.loss, {"l2": 0.0})
        (bare,) = build_phases(loss, self.model, self.config.trainer.batch_size, self.config.seed)

        def parts(plan: Plan) -> dict[str, float]:
            value = float(loss_of(bare, plan))
            penalty = {reg: float(loss_of(self.phase, plan)) - value} if reg else {}
            return {name: value, **penalty}

        return parts


def loss_of(phase: Phase, plan: Plan) -> tf.Tensor:
    """Of the only batch of a plan."""
    arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
    return phase.loss(arrays, tf.constant(0), tf.constant([0, 0]))


def sampled_plans(golden: Golden) -> list[Plan]:
    users, positive, negative = (golden.given(f"batch/{part}") for part in ("users", "pos_items", "neg_items"))
    items = np.stack([positive, negative], axis=-1)
    return [Plan(1, {"users": u.astype(np.int32), "items": i.astype(np.int32)}) for u, i in zip(users, items)]


def whole_data_plans(golden: Golden, phase: Phase, segments: bool = False) -> list[Plan]:
    """segments: the layout of the pairs that larger batches would not choose."""
    for group in phase.groups if segments else ():
        group.by_product, group.array_names = False, [name for name in group.array_names if name != "by_col"]
    return [whole_data_plan(phase, ids) for ids in golden.given("batch/user_ids")]


def whole_data_plan(phase: Phase, ids: np.ndarray) -> Plan:
    """One batch of these rows: what a phase lays out where it draws them first."""
    drawn = SimpleNamespace(permutation=lambda n_rows: ids)
    with patch.object(whole_data, "generator", lambda *purpose: drawn):
        return Plan(1, phase.plan(0).arrays)
