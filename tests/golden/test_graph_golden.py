"""LightGCN and GHCF against values computed by the authors' programs, step by step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.ops.propagation import BipartiteGraph
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, sampled_plans, whole_data_plans


def test_lightgcn_follows_the_authors_steps():
    golden = Golden("lightgcn")
    config, data = configured("lightgcn", golden), golden.dataset()
    replay = Replay(golden, config, build_model(config.model, data, 0), Limits(scores=1e-6))
    replay.start_whole()
    golden.check("data/norm_adj", adjacency(replay.model.graph, data.n_users, data.n_items), 0, 1e-7)
    for side, vectors in zip(("user", "item"), replay.model.encode()):
        golden.check(f"fwd0/{side}_propagated", vectors, 0, 1e-6)
    replay.follow(sampled_plans(golden), replay.without_l2("bpr"))
    check_scores(golden, config, replay.scores(), data, 1e-6)
    golden.check_nothing_is_left()


def adjacency(graph: BipartiteGraph, n_users: int, n_items: int) -> np.ndarray:
    """The square matrix, users first."""
    of_users, of_items = tf.eye(n_users), tf.eye(n_items)
    halves = [0 * of_users, graph.whole.to_users(of_items)], [graph.whole.to_items(of_users), 0 * of_items]
    return np.block([[half.numpy() for half in row] for row in halves])


def test_ghcf_follows_the_authors_steps():
    golden = Golden("ghcf")
    config, data = configured("ghcf", golden), golden.dataset()
    model = build_model(config.model, data, 0)
    # The authors propagate over whole lists and cut them in the loss, whose pairs are those of the batches.
    model.tasks = tuple(task._replace(pairs=golden.in_batches(task.name)) for task in model.tasks)
    replay = Replay(golden, config, model, Limits(9.7e-5, 9.7e-5, 1e-6))
    replay.names = {name: name.replace("W_", "W_gc_") if name[2:].isdigit() else name for name in model.state()}
    replay.start_whole()
    for behaviour, graph in zip(golden.behaviours, model.graphs):
        golden.check(f"data/norm_adj_{behaviour}", adjacency(graph, data.n_users, data.n_items), 0, 1e-7)
    check_vectors(golden, "fwd0", model, 1e-6)
    replay.follow(whole_data_plans(golden, replay.phase), replay.without_l2("non_sampling"))
    check_vectors(golden, "step5", model, 9.7e-5)
    check_scores(golden, config, replay.scores(), data, 1e-6)
    golden.check_nothing_is_left()


def check_vectors(golden: Golden, when: str, model, limit: float) -> None:
    """All that are propagated; the authors append a row of zeros for padding."""
    encoded = model.encode()
    golden.check(f"{when}/user_propagated", encoded.users, 0, limit)
    items = np.append(encoded.items, np.zeros_like(encoded.items[:1]), axis=0)
    golden.check(f"{when}/item_propagated_with_padding_row", items, 0, limit)
    for relation, behaviour in zip(encoded.relations, golden.behaviours):
        if f"{when}/relation_mean_{behaviour}" in golden:
            golden.check(f"{when}/relation_mean_{behaviour}", relation, 0, limit)
