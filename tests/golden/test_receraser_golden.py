"""RecEraser against values computed by the authors' program: sub-models and attention, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.losses.base import Plan
from recsys_cli.models.base import FactoredModel
from recsys_cli.ops.propagation import BipartiteGraph
from recsys_cli.training.build import build_model
from recsys_cli.unlearning.aggregation import Table, build_aggregation
from recsys_cli.unlearning.generation import aggregation_config
from recsys_cli.unlearning.restrict import all_pairs, places, shard_of, submatrix
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, loss_of, sampled_plans, whole_data_plan, whole_data_plans
from tests.golden.test_graph_golden import adjacency

LIMITS = {"bpr": Limits(2.6e-5, 2.6e-5, 2.6e-5), "wmf": Limits(3.4e-5, 3.4e-5, 3.4e-5), "lightgcn": Limits()}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_receraser_follows_the_authors_steps(name):
    golden = Golden(f"receraser_{name}")
    config, data = configured(f"receraser_{name}", golden), golden.dataset()
    pairs, (shards, *own) = all_pairs(data), golden.given("data/shard_user_item").T
    assignment = np.empty(pairs.nnz, int)
    assignment[np.searchsorted(pairs.keys, own[0] * data.n_items + own[1])] = shards
    for k in range(golden.hyper["shards"]):
        shard = shard_of(data, pairs, assignment, k)
        for side, ids in zip(("users", "items"), shard[1:]):
            np.testing.assert_array_equal(ids, np.sort(golden.given(f"data/shard{k}_{side}")))
        if k < 2:  # the third was not recorded
            check_sub_model(golden, name, config, data, shard, k)
    check_aggregation(golden, name, config, data)
    if name == "lightgcn":
        check_graphs(golden, data, pairs, assignment)
    golden.check_nothing_is_left()


def check_sub_model(golden: Golden, name: str, config, data, shard, k: int) -> None:
    """A shard as a data set of its own, with compact ids, is the authors' sub-model k inside of the whole tables."""
    part, users, items = shard
    sub, ids = golden.at(f"sub{k}"), {"user_embedding": users, "item_embedding": items}
    initial = {table: golden.given(f"init/{table}") for table in ids}
    model = build_model(config.model, part, 0)
    if name == "wmf":
        model.tasks = (model.tasks[0]._replace(pairs=submatrix(sub.in_batches("item"), users, items)),)
    replay = Replay(sub, config, model, LIMITS[name])

    def place(table: str, array: np.ndarray, when: str) -> np.ndarray:
        """What is not of this shard has no gradient and stays."""
        whole = np.zeros_like(initial[table]) if when == "grad1" else initial[table].copy()
        whole[ids[table], k] = array
        return whole

    replay.place = place
    replay.start(lambda table, array: array[ids[table], k])
    new = places(users, data.n_users), places(items, data.n_items)
    if name == "wmf":
        replay.follow([whole_data_plan(replay.phase, new[0][ids]) for ids in sub.given("batch/user_ids")])
    else:
        replay.follow([renumbered(plan, *new) for plan in sampled_plans(sub)], replay.without_l2("bpr"))
    scores = scores_of_everyone(model, users, items, *(initial[table][:, k] for table in ids))
    check_scores(sub, config, scores, data, LIMITS[name].scores)


def renumbered(plan: Plan, users: np.ndarray, items: np.ndarray) -> Plan:
    return plan._replace(arrays={"users": users[plan.arrays["users"]], "items": items[plan.arrays["items"]]})


def scores_of_everyone(model: FactoredModel, users, items, *initial: np.ndarray) -> np.ndarray:
    """Who is not in the shard keeps the initial vector, from which propagation takes nothing but its own share."""
    factors, share = model.scorer(), 1 + getattr(model.config, "layers", 0)
    tables = [table / share for table in initial]
    tables[0][users], tables[1][items] = factors.users, factors.items
    return tables[0] @ tables[1].T


def check_graphs(golden: Golden, data, pairs, assignment) -> None:
    size = data.n_users, data.n_items
    shards = [
        submatrix(pairs, *map(np.arange, size), lambda _, k=k: assignment == k) for k in range(golden.hyper["shards"])
    ]
    whole, *parts = (adjacency(BipartiteGraph(matrix), *size) for matrix in (pairs, *shards))
    golden.check("data/norm_adj_full", whole, 0, 1e-7)
    golden.check("data/norm_adj_shards", parts, 0, 1e-7)


def check_aggregation(golden: Golden, name: str, config, data) -> None:
    agg = golden.at("agg")
    # In the released code absent users and items keep their random vectors, which is as if they were there.
    vectors = [golden.given(f"init/{side}_embedding") for side in ("user", "item")]
    tables = [Table(table, np.ones(table.shape[:2], bool)) for table in vectors]
    model = build_aggregation(config.unlearning, data, 0, *tables)
    if name == "wmf":
        model.tasks = (model.tasks[0]._replace(pairs=agg.in_batches("item")),)
    replay = Replay(agg, aggregation_config(config, "buy"), model, LIMITS[name])
    replay.start()
    plans = whole_data_plans(agg, replay.phase) if name == "wmf" else sampled_plans(agg)
    first = np.arange(data.n_users) if name == "lightgcn" else plans[0].arrays["ids" if name == "wmf" else "users"]
    agg.check("fwd0/attention_weights_users", attention(model, first), 0, 1e-6)
    replay.follow(plans, components(name, replay, tables) if name != "wmf" else lambda plan: {})
    agg.check("attention_weights_users5", attention(model, np.arange(data.n_users)), 0, 1e-5)
    check_scores(agg, config, replay.scores(), data, LIMITS[name].scores)


def components(name: str, replay: Replay, tables: list[Table]):
    """Of the aggregation of BPR also a penalty of the attention that the authors compute and do not add."""
    model, settings = replay.model, replay.config.unlearning
    alone = OmegaConf.merge(settings, {"transfer_l2": 0.0, "attention_l2": replay.config.loss.l2})
    other = build_aggregation(alone, replay.golden.dataset(), 0, *tables)

    def parts(plan: Plan) -> dict[str, float]:
        loss, penalty = float(loss_of(replay.phase, plan)), model.own_penalty(None)
        if name == "lightgcn":
            return {"bpr": loss}
        for variable, value in zip(other.variables, model.variables, strict=True):
            variable.assign(value)
        not_added = float(other.own_penalty(None))
        return {"bpr": loss - float(penalty), "reg_transfer": float(penalty), "l2_attention_not_added": not_added}

    return parts


def attention(model, users: np.ndarray) -> tf.Tensor:
    """[n, K], where every sub-model knows every user."""
    return tf.transpose(tf.reshape(model.attention(model.users, users).weights, [-1, len(users)]))
