"""Models of features against values computed by the authors' programs, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.models.base import Factors
from recsys_cli.training.build import build_model
from tests.golden import fields
from tests.golden.golden import Golden
from tests.golden.metrics import evaluated
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, loss_of, whole_data_plan


@pytest.mark.parametrize("layout", ["products", "segments", "dense"])
def test_ensfm_follows_the_authors_steps(layout):
    golden = Golden("ensfm")
    config = configured("ensfm", golden)
    config.loss.dense = layout == "dense"
    data = fields.dataset(golden, repeated=1)  # the authors' item list has item 0 twice
    replay = Replay(golden, config, build_model(config.model, data, 0))
    fields.name_theirs(replay, h1="h1_self", h2="h2_user_item")
    replay.place = _with_their_extra_row(golden)
    replay.start(lambda name, array: array[:-1] if name == "item_features" else array)
    _check_first_batch(golden, replay)
    if layout == "segments":
        for group in replay.phase.groups:
            group.by_product, group.array_names = False, [name for name in group.array_names if name != "by_col"]
    ids = golden.given("batch/context_ids")
    plans = [whole_data_plan(replay.phase, batch) for batch in ids]
    replay.follow(plans, lambda plan: {"no_reg": float(loss_of(replay.phase, plan)), "reg": 0.0})
    scores = replay.scores()
    golden.check("scores5_copy_of_item0_column", scores[:, -1], 0, 1e-5)
    _check_metrics(golden, config, scores[:, :-1])
    golden.check_nothing_is_left()


def _with_their_extra_row(golden):
    """Their table of items has one row that is never addressed: no gradient, no step."""
    last = golden.given("init/item_feature_embedding")[-1:]

    def place(name, array, when):
        if name != "item_features":
            return array
        return np.concatenate([array, np.zeros_like(last) if when == "grad1" else last])

    return place


def _check_first_batch(golden, replay):
    model, encoded = replay.model, replay.model.encode()
    ids, lists = golden.given("batch/context_ids")[0], golden.given("batch/item_lists")[0]
    users, features = golden.given("batch/context_ids"), golden.given("data/context_features")
    np.testing.assert_array_equal(golden.given("batch/context_features"), features[users])
    golden.check("fwd0/p_aux", model.user_vectors(0, encoded, tf.constant(ids, tf.int32)), 0, 1e-6)
    golden.check("fwd0/q_aux_incl_copy_of_item0", model.item_vectors(0, encoded), 0, 1e-6)
    golden.check("fwd0/h_aux", model.prediction_vector(0, encoded), 0, 1e-6)
    scores = model.score(0, encoded, *(tf.constant(a, tf.int32) for a in (ids, lists)))
    padded = lists == golden.hyper["padding_item_id"]
    golden.check("fwd0/positive_scores", np.where(padded, 0, scores), 0, 1e-6)


def _check_metrics(golden, config, scores):
    """Theirs has a case for every test row, ours for every context."""
    data = fields.dataset(golden)
    rows = golden.given("data/test_pairs")
    np.testing.assert_array_equal(golden.check("metric/test_rows_context_item", rows), rows)
    cutoffs = config.evaluation.k
    golden.check("metric/K", cutoffs)
    golden.check("metric/users", rows[:, 0])
    recorded = golden.check("scores5", scores, 0, 1e-5)
    for table in (scores, recorded):
        users, values = evaluated(config, Factors(tf.constant(table), tf.eye(table.shape[1])), data)
        case = np.searchsorted(users, rows[:, 0])
        for ours, theirs in (("Recall", "recall"), ("NDCG", "ndcg")):
            for k in cutoffs:
                golden.check(f"metric/{theirs}_per_user@{k}", values[f"{ours}@{k}"][case], 0, 1e-6)
            means = [values[f"{ours}@{k}"][case].mean() for k in cutoffs]
            golden.check(f"metric/{theirs}_mean", means, 0, 1e-6)


LIMITS = {
    "fm": Limits(after_5=1.3e-5, scores=1.7e-5),
    "nfm": Limits(scores=1.9e-5),
    "oncf": Limits(after_1=5.6e-5, after_5=6.2e-5),
    "cfm": Limits(after_1=3e-4, after_5=2.9e-4, scores=3.2e-5),
}
THEIRS = {
    "oncf": fields.CONVOLUTIONS,
    "cfm": fields.CONVOLUTIONS,
    "nfm": {"kernel_1": "layer0_W", "bias_1": "layer0_b", "h": "prediction_h"},
}


@pytest.mark.parametrize(
    "name, limits", [pytest.param(n, x, marks=[pytest.mark.slow] * (n != "fm")) for n, x in LIMITS.items()]
)
def test_models_of_the_cfm_code_follow_the_authors_steps(name, limits):
    golden = Golden(name)
    config, data = configured(name, golden), fields.dataset(golden)
    replay = Replay(golden, config, build_model(config.model, data, 0), limits)
    fields.name_theirs(replay, **THEIRS.get(name, {}))
    replay.start_whole()
    plans = fields.sampled_plans(golden)
    _check_first_scores(golden, replay, plans[0].arrays)
    replay.follow(plans)
    fields.check_ranking(golden, replay, data, limits.scores)
    golden.check_nothing_is_left()


def _check_first_scores(golden, replay, arrays):
    model = replay.model
    users, items = (tf.constant(arrays[key]) for key in ("users", "items"))
    scores = model.score(0, model.encode(), users, items)
    for place, name in enumerate(("positive", "negative")):
        golden.check(f"fwd0/{name}_score", scores[:, place], 0, 1e-5)
