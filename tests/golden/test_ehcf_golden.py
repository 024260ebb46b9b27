"""EHCF against values computed by the authors' program, step by step, with three behaviours and with two."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import STEPS, Limits, Replay, loss_of, whole_data_plan, whole_data_plans

LIMITS = {"ehcf": Limits(2e-5, 6e-4, 6.5e-5), "ehcf_two_behaviours": Limits(2e-5, 1.4e-4, 1e-5)}
MISSING = ("M_view_cart", "r_view_cart", "M_cart_buy", "r_cart_buy")  # without carts
NO_CARTS = {"data/cart_pairs": "fed, without effect", "batch/cart_lists": "fed, without effect"}


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", LIMITS)
def test_ehcf_follows_the_authors_steps(name, dense):
    golden = Golden(name)
    config = configured(name, golden)
    config.loss.dense = dense
    model = build_model(config.model, golden.dataset(padding=True), 0)
    replay = Replay(golden, config, model, LIMITS[name])
    missing = MISSING if name == "ehcf_two_behaviours" else ()
    replay.start_whole(extra=missing)
    for k, (behaviour, head) in enumerate(zip(golden.behaviours, model.encode())):
        replay.check_positive_scores(behaviour, f"fwd0/positive_scores_{behaviour}", k)
        if k:
            golden.check(f"fwd0/h_{behaviour}", head, 1e-5, 1e-6)
    theirs = penalties_of_the_missing(golden, config) if missing else np.zeros(STEPS)
    losses = {"total": theirs, "reg": theirs, "l2_transfer_matrices": theirs / config.model.transfer_l2}
    replay.follow(whole_data_plans(golden, replay.phase), components(replay), losses)
    scores = replay.scores()
    golden.check("scores5_padding_column", scores[:, -1], 0, LIMITS[name].scores)
    check_scores(golden, config, scores[:, :-1], golden.dataset(), LIMITS[name].scores)
    golden.check_nothing_is_left(NO_CARTS if missing else {})


def components(replay: Replay):
    """The loss of each task alone and without its weight, and the penalty."""
    model, config = replay.model, replay.config
    alone = replay.alone()

    def parts(plan) -> dict[str, float]:
        penalty = float(model.own_penalty(model.encode()))
        values = {"reg": penalty, "l2_transfer_matrices": penalty / config.model.transfer_l2}
        for task, phase in zip(model.tasks, alone, strict=True):
            loss = float(loss_of(phase, whole_data_plan(phase, plan.arrays["ids"])))
            values[task.name] = (loss - penalty) / task.weight
        return values

    return parts


def penalties_of_the_missing(golden: Golden, config) -> np.ndarray:
    """Their branch for two behaviours also penalises the matrices of carts, which nothing uses: they shrink by that alone.

    The penalty before each step, [STEPS].
    """
    rate, l2, penalties = config.optimizer.learning_rate, config.model.transfer_l2, np.zeros(STEPS)
    for name in MISSING:
        value = golden.given(f"init/{name}")
        squares = np.full_like(value, config.optimizer.initial_accumulator)
        for step in range(STEPS):
            gradient = np.float32(l2 if name.startswith("M") else 0) * value
            if name.startswith("M"):
                penalties[step] += l2 * np.sum(np.square(value)) / 2
            if step == 0 and name.startswith("M"):
                golden.check(f"grad1/{name}", gradient, 1e-4, 1e-9)
            squares += np.square(gradient)
            value = value - np.float32(rate) * gradient / np.sqrt(squares)
            if f"step{step + 1}/{name}" in golden:
                golden.check(f"step{step + 1}/{name}", value, 0, 1e-5)
    return penalties
