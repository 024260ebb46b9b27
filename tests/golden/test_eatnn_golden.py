"""EATNN against values computed by the authors' program, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, loss_of, whole_data_plan, whole_data_plans

LIMITS = Limits(2.3e-5, 5.3e-5, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dense", [False, True])
def test_eatnn_follows_the_authors_steps(dense):
    golden = Golden("eatnn")
    config = configured("eatnn", golden)
    config.loss.dense = dense
    replay = Replay(golden, config, build_model(config.model, with_friends(golden), 0), LIMITS)
    replay.start_whole()
    check_first_batch(replay)
    replay.follow(whole_data_plans(golden, replay.phase), components(replay))
    for task, domain in enumerate(("item", "social")):
        shares = replay.model.shares(task, replay.model.encode())
        golden.check(f"attention5_{domain}_weight_on_{domain}_vector", shares, 0, 1e-5)
    scores = replay.scores()
    golden.check("scores5_padding_column", scores[:, -1], 0, LIMITS.scores)
    check_scores(golden, config, scores[:, :-1], golden.dataset(), LIMITS.scores)
    golden.check_nothing_is_left()


def with_friends(golden: Golden):
    """The lists of the batches are those of the data; the padding rows are an item and a friend more."""
    data, n_users = golden.dataset(padding=True), golden.hyper["n_users"]
    friends = CSR.from_pairs(*golden.given("data/trust_pairs").T, n_users, n_users + 1)
    fed = {"item": data.target_train, "friend": friends}
    for name, matrix in fed.items():
        for users, lists in zip(golden.given("batch/user_ids"), golden.given(f"batch/{name}_lists")):
            for user, listed in zip(users, lists):
                real = listed[listed != golden.hyper[f"padding_{name}_id"]]
                np.testing.assert_array_equal(np.sort(real), matrix.row(user))
    return replace(data, friends=friends)


def check_first_batch(replay: Replay) -> None:
    golden, model = replay.golden, replay.model
    users = tf.constant(golden.given("batch/user_ids")[0])
    for task, (domain, name) in enumerate((("item", "item"), ("social", "friend"))):
        encoded = model.encode()
        shares = model.shares(task, encoded, users)
        golden.check(f"fwd0/attention_{domain}_weight_on_{domain}_vector", shares, 0, 1e-6)
        golden.check(f"fwd0/merged_{domain}_domain", model.user_vectors(task, encoded, users), 0, 1e-6)
        key = f"fwd0/positive_scores_{domain}"
        replay.check_positive_scores(name, key, task, golden.hyper[f"padding_{name}_id"])


def components(replay: Replay):
    """The loss of each task alone and without its weight, and the penalties without theirs."""
    model = replay.model
    alone = replay.alone()

    def parts(plan) -> dict[str, float]:
        ids, encoded = tf.constant(plan.arrays["ids"]), model.encode()
        merged = [model.user_vectors(task, encoded, ids) for task in (0, 1)]
        values = {"l2_merged_sum": float(tf.nn.l2_loss(merged[0] + merged[1]))}
        for domain, variables in zip(("item", "social"), model.attention):
            values[f"l2_attention_{domain}"] = sum(float(tf.nn.l2_loss(v)) for v in variables)
        penalty = sum(l2 * value for l2, value in zip(replay.golden.hyper["l2"], values.values()))
        for name, task, phase in zip(("item", "social"), model.tasks, alone, strict=True):
            loss = float(loss_of(phase, whole_data_plan(phase, plan.arrays["ids"])))
            values[name] = (loss - penalty) / task.weight
        return values

    return parts
