"""ENMF, WMF and BPR-MF against values computed by the authors' programs, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recsys_cli.evaluation.sampled import rank_among, sampled_metrics
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Replay, loss_of, sampled_plans, whole_data_plans


@pytest.mark.parametrize("layout", ["products", "segments", "dense"])
@pytest.mark.parametrize("name", ["enmf", "wmf"])
def test_whole_data_models_follow_the_authors_steps(name, layout):
    golden = Golden(name)
    config = configured(name, golden)
    config.loss.dense = layout == "dense"
    data = replace(golden.dataset(padding=True), train={"buy": golden.in_batches("item", padding=True)})
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.start_whole()
    plans = whole_data_plans(golden, replay.phase, layout == "segments")
    if name == "enmf":
        replay.check_positive_scores()
        replay.follow(plans, lambda plan: {"no_reg": float(loss_of(replay.phase, plan)), "reg": 0.0})
    else:
        replay.follow(plans)
    scores = replay.scores()
    if "scores5_padding_column" in golden:
        golden.check("scores5_padding_column", scores[:, -1], 0, 1e-5)
    check_scores(golden, config, scores[:, :-1], golden.dataset(), 1e-5)
    golden.check_nothing_is_left()


def test_bpr_follows_the_authors_steps():
    golden = Golden("bprmf")
    config, data = configured("bprmf", golden), golden.dataset()
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.start_whole()
    replay.follow(sampled_plans(golden), replay.without_l2("bpr"))
    check_scores(golden, config, replay.scores(), data, 1e-5)
    golden.check_nothing_is_left()


def test_bpr_of_convncf_follows_the_authors_steps():
    golden = Golden("mf_bpr")
    config, data = configured("mf_bpr", golden), golden.dataset()
    replay = Replay(golden, config, build_model(config.model, data, 0))
    replay.start_whole()
    replay.follow(sampled_plans(golden), replay.without_l2("bpr", reg=None))
    golden.check("scores5", replay.scores(), 0, 1e-5)
    (k,) = config.evaluation.k
    ranks = rank_among(replay.model.scorer(), data.test, golden.given("data/test_negatives"), data.n_items)
    _, values = sampled_metrics(ranks, [k], ["HR", "NDCG", "AUC"])
    table = np.stack([values[f"sampled-{metric}"] for metric in (f"HR@{k}", f"NDCG@{k}", "AUC")], axis=1)
    golden.check("metric/K", [k])
    golden.check("metric/hr_ndcg_auc_per_user", table, 0, 1e-6)
    golden.check("metric/hr_ndcg_auc_mean", table.mean(axis=0), 0, 1e-6)
    golden.check_nothing_is_left()
