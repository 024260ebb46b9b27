"""LightGCN and GHCF against values computed by the authors' programs, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.base import Plan
from recsys_cli.losses.sampled import SampledPhase
from recsys_cli.losses.whole_data import WholeDataPhase
from recsys_cli.models.ghcf import GHCF
from recsys_cli.models.lightgcn import LightGCN
from recsys_cli.training.learner import GradientLearner
from recsys_cli.training.optimizers import Adam
from tests.golden.golden import check_gradients, close, dataset_of, golden
from tests.golden.test_factorization_golden import Replayed

BEHAVIOURS = ("view", "cart", "buy")
STEPS = 5
# Ten times what a disturbance of the initial values by one rounding error changes.
LIMITS = {"lightgcn": 1e-5, "ghcf": 9.7e-5}


def lightgcn(arrays, hyper):
    dataset = dataset_of(arrays["data/train_pairs"], hyper["n_users"], hyper["n_items"])
    config = {
        "name": "lightgcn",
        "embedding_size": hyper["d"],
        "layers": hyper["layers"],
        "node_dropout": 0.0,
        "init": "normal",
        "init_scale": 0.1,
    }
    model = LightGCN(OmegaConf.create(config), dataset, seed=0)
    loss = {
        "name": "bpr",
        "negatives": 1,
        "popularity": None,
        "sampling": "users",
        "reduction": "mean",
        "l2": hyper["reg"],
    }
    phase = SampledPhase(OmegaConf.create(loss), model, 0, hyper["batch"], seed=0)
    items = np.stack([arrays["batch/pos_items"], arrays["batch/neg_items"]], axis=-1).reshape(-1, 2)
    users = arrays["batch/users"].ravel()
    return model, phase, {"users": users.astype(np.int32), "items": items.astype(np.int32)}


def ghcf(arrays, hyper):
    shape = hyper["n_users"], hyper["n_items"]
    pairs = {b: arrays["data/buy_train_pairs" if b == "buy" else f"data/{b}_pairs"] for b in BEHAVIOURS}
    dataset = Dataset("golden", *shape, "buy", {b: CSR.from_pairs(*p.T, *shape) for b, p in pairs.items()})
    config = {
        "name": "ghcf",
        "embedding_size": hyper["d"],
        "layers": hyper["layers"],
        "composition": "product",
        "combine": "task_weights",
        "task_weights": dict(zip(BEHAVIOURS, hyper["mu_view_cart_buy"])),
        "node_dropout": 0.0,
        "message_dropout": 0.0,
        "init": "normal",
        "init_scale": 0.1,
    }
    model = GHCF(OmegaConf.create(config), dataset, seed=0)
    # The authors propagate over whole lists and cut them in the loss, whose pairs are those of the batches.
    model.tasks = tuple(
        task._replace(pairs=CSR.from_pairs(*recorded(arrays, task.name, hyper), *shape)) for task in model.tasks
    )
    weights = [(c0, None) for c0 in hyper["c0_view_cart_buy"]]
    phase = WholeDataPhase(model, "users", hyper["batch"], weights, hyper["reg"], dense=False, seed=0)
    (group,) = phase.groups
    # The other layout wants every user once, and here they come again in later batches.
    group.by_product, group.array_names = False, ["rows", "cols", "offsets"]
    ids = arrays["batch/user_ids"].ravel().astype(np.int32)
    return model, phase, {"ids": ids, **{f"0/{k}": a for k, a in group.batches(ids).items()}}


def recorded(arrays, behaviour, hyper):
    lists = arrays[f"batch/{behaviour}_lists"]
    users = np.broadcast_to(arrays["batch/user_ids"][..., None], lists.shape)
    real = lists != hyper["padding_item_id"]
    return users[real], lists[real]


def renamed(arrays):
    """Under the names of our variables."""
    return {key.replace("W_gc_", "W_"): array for key, array in arrays.items()}


@pytest.mark.parametrize("name", ["lightgcn", "ghcf"])
def test_models_follow_the_authors_steps(name):
    arrays, hyper = golden(name)
    model, phase, batches = {"lightgcn": lightgcn, "ghcf": ghcf}[name](arrays, hyper)
    arrays = renamed(arrays)
    for variable, tensor in model.state().items():
        tensor.assign(arrays[f"init/{variable}"])
    learner = GradientLearner(model, [Replayed(phase, Plan(STEPS, batches))], Adam(hyper["lr"]), seed=0)
    check_gradients(model, learner.phases[0], arrays)
    learner.begin(0)
    losses = []
    for step in range(1, STEPS + 1):
        losses.append(learner.run(step - 1, step, 0.0))
        if f"step{step}/user_embedding" in arrays:
            for variable, tensor in model.state().items():
                expected = arrays[f"step{step}/{variable}"]
                close(tf.squeeze(tensor), expected, f"{variable} after step {step}", 0, LIMITS[name])
    close(losses, arrays["loss/total"], "loss", 1e-5, 1e-4)
    scores = model.scorer()(tf.range(model.n_users)).numpy()
    close(scores, arrays["scores5"], "scores", 0, 1e-6)
    check_recall(scores, arrays, "data/buy_" if name == "ghcf" else "data/")


def check_recall(scores, arrays, data):
    scores = scores.astype(np.float64)
    scores[tuple(arrays[f"{data}train_pairs"].T)] = -np.inf
    held_out = np.zeros(scores.shape, bool)
    held_out[tuple(arrays[f"{data}test_pairs"].T)] = True
    order = np.argsort(-scores, axis=1)
    for k in arrays["metric/K"]:
        hits = np.take_along_axis(held_out, order[:, :k], axis=1).sum(1)[arrays["metric/users"]]
        recall = hits / held_out.sum(1)[arrays["metric/users"]]
        close(recall, arrays[f"metric/recall_per_user@{k}"], f"recall@{k}", 0, 1e-6)


def test_graphs_are_the_authors():
    arrays, hyper = golden("ghcf")
    model, *_ = ghcf(arrays, hyper)
    for behaviour, graph in zip(BEHAVIOURS, model.graphs):
        users, items = tf.eye(hyper["n_users"]), tf.eye(hyper["n_items"])
        expected = arrays[f"data/norm_adj_{behaviour}"]
        close(graph.whole.to_users(items), expected[: len(users), len(users) :], behaviour, 0, 1e-7)
        close(graph.whole.to_items(users), expected[len(users) :, : len(users)], behaviour, 0, 1e-7)


def test_forward_values_of_ghcf():
    arrays, hyper = golden("ghcf")
    model, *_ = ghcf(arrays, hyper)
    for variable, tensor in model.state().items():
        tensor.assign(renamed(arrays)[f"init/{variable}"])
    encoded = model.encode()
    close(encoded.users, arrays["fwd0/user_propagated"], "users", 0, 1e-6)
    close(encoded.items, arrays["fwd0/item_propagated_with_padding_row"][:-1], "items", 0, 1e-6)
    for r, behaviour in enumerate(BEHAVIOURS):
        close(encoded.relations[r], arrays[f"fwd0/relation_mean_{behaviour}"], behaviour, 0, 1e-6)
