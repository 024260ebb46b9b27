"""ConvNCF against values computed by the authors' program, step by step, and in its first epoch."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.evaluation.sampled import rank_among, sampled_metrics
from recsys_cli.models.convncf import FirstEpoch
from recsys_cli.training.build import build_learner, build_model
from tests.golden.fields import CONVOLUTIONS
from tests.golden.golden import Golden
from tests.golden.presets import configured, shipped
from tests.golden.replay import Replay, loss_of, sampled_plans

NO_PENALTY = {"loss.l2": 0.0, "model.output_l2": 0.0, "model.network_l2": 0.0}


def replayed(golden, config, data):
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.names = {name: CONVOLUTIONS.get(name, name) for name in replay.names}
    return replay


@pytest.mark.slow
def test_convncf_follows_the_authors_steps():
    golden = Golden("convncf")
    config, data = configured("convncf", golden), golden.dataset()
    replay, plans = replayed(golden, config, data), sampled_plans(golden)
    replay.start_whole()
    replay.follow(plans, lambda plan: {"bpr": float(loss_of(FirstEpoch(replay.model, replay.phase), plan))})
    golden.check("scores5", replay.scores(), 0, 1e-5)
    _check_metrics(golden, config, replay, data)

    first = golden.at("pre")
    for key, value in NO_PENALTY.items():
        group, name = key.split(".")
        config[group][name] = value
    config.optimizer.learning_rate, config.model.network_rate = golden.hyper["lr_pre"], 1.0
    replay = replayed(first, config, data)
    replay.start_whole()
    replay.follow(plans)
    golden.check_nothing_is_left()


def _check_metrics(golden, config, replay, data):
    cutoffs = list(config.evaluation.k)
    negatives = golden.given("data/test_negatives")
    ranks = rank_among(replay.model.scorer(), data.test, negatives, data.n_items)
    _, values = sampled_metrics(ranks, cutoffs, ["HR", "NDCG", "AUC"])
    n = negatives.shape[1]  # theirs: the share of n + 1, the item itself included
    values["sampled-AUC"] = 1 - (1 - values["sampled-AUC"]) * n / (n + 1)
    columns = [f"sampled-{name}" for k in cutoffs for name in (f"HR@{k}", f"NDCG@{k}", "AUC")]
    table = np.stack([values[name] for name in columns], axis=1)
    golden.check("metric/K", cutoffs)
    golden.check("metric/hr_ndcg_auc_per_user", table, 0, 1e-6)
    golden.check("metric/hr_ndcg_auc_mean", table.mean(axis=0), 0, 1e-6)


def test_the_first_epoch_has_an_optimiser_of_its_own_and_no_penalty():
    """As in the authors' program: Adagrad from 0.1, at 0.01."""
    golden = Golden("convncf")
    config = configured("convncf", golden)
    config.model.first_epoch_rate = golden.hyper["lr_pre"]
    model = build_model(config.model, golden.dataset(), 0)
    first, others = build_learner(config, model).phases
    assert first.optimizer == {"name": "adagrad", "learning_rate": 0.01, "initial_accumulator": 0.1}
    assert shipped("convncf").model.first_epoch_rate == golden.hyper["lr_pre"]
    steps = [[phase.plan(epoch).n_steps for phase in (first, others)] for epoch in (0, 1)]
    assert steps == [[23, 0], [0, 23]]
    plan = sampled_plans(golden)[0]
    assert float(loss_of(others, plan)) > float(loss_of(first, plan)) + 0.1
