"""RecEraser against values computed by the authors' program: partition, sub-models and attention, step by
step.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.data.dataset import Dataset
from recsys_cli.losses.base import Plan
from recsys_cli.losses.sampled import SampledPhase
from recsys_cli.losses.whole_data import WholeDataPhase
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.models.lightgcn import LightGCN
from recsys_cli.training.learner import GradientLearner
from recsys_cli.training.optimizers import Adagrad, Adam
from recsys_cli.unlearning.aggregation import Table, build_aggregation
from recsys_cli.unlearning.balanced import View, balanced_shards
from recsys_cli.unlearning.partition import random_shards
from recsys_cli.unlearning.restrict import all_pairs, shard_of
from tests.golden.golden import close, dataset_of, golden
from tests.golden.test_factorization_golden import Replayed

MODELS = ("bpr", "wmf", "lightgcn")
# Ten times what a disturbance of the initial values by one rounding error changes, at least 1e-5.
LIMITS = {"bpr": 2.6e-5, "wmf": 3.4e-5, "lightgcn": 1e-5}
ROUNDS = (1, 2, 3, 5, 10, 50)


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("centroids", ["proper", "as_coded"])
def test_balanced_partitions(centroids, rounds):
    arrays, hyper = golden("partition")
    users, items = arrays["data/train_pairs"].T
    P, Q = arrays["data/user_vectors"], arrays["data/item_vectors_with_padding_row"][:-1]
    cases = {
        "UBP_user": ([View(P)], "users"),
        "IBP_item": ([View(Q)], "items"),
        "InBP_interaction": ([View(P, users), View(Q, items)], "interactions"),
    }
    for name, (views, what) in cases.items():
        first = arrays[f"data/initial_centre_{what}"]
        found = balanced_shards(views, first, hyper[f"max_{what}"], rounds, scalar=centroids == "as_coded")
        np.testing.assert_array_equal(found, arrays[f"{centroids}/{name}_shard_T{rounds}"], name)


def test_random_partition():
    arrays, hyper = golden("partition")
    found = random_shards(arrays["data/random_permutation"], hyper["k"])
    np.testing.assert_array_equal(found, arrays["as_coded/random_interaction_shard"])


def whole(arrays, hyper) -> Dataset:
    ids = {"user_ids": np.arange(hyper["n_users"]), "item_ids": np.arange(hyper["n_items"])}
    return Dataset(**{**vars(dataset_of(arrays["data/train_pairs"], hyper["n_users"], hyper["n_items"])), **ids})


def sampled(model, hyper, prefix, arrays, l2):
    config = OmegaConf.create(
        {"name": "bpr", "negatives": 1, "popularity": None, "sampling": "users", "reduction": "mean", "l2": l2}
    )
    users, positive, negative = (arrays[f"{prefix}/batch/{part}"] for part in ("users", "pos_items", "neg_items"))
    return (
        SampledPhase(config, model, 0, hyper["batch"], seed=0),
        {"users": users.ravel(), "items": np.stack([positive, negative], axis=-1).reshape(-1, 2)},
    )


def whole_data(model, hyper, prefix, arrays, places):
    """The authors cut long lists, so the observed pairs are those of the recorded batches."""
    ids, lists = arrays[f"{prefix}/batch/user_ids"], arrays[f"{prefix}/batch/item_lists"]
    real = lists != hyper["padding_item_id"]
    users = np.broadcast_to(ids[..., None], lists.shape)[real]
    pairs = np.unique(np.column_stack([places[0][users], places[1][lists[real]]]), axis=0)
    cut = dataset_of(pairs, model.n_users, model.n_items).target_train
    model.tasks = (model.tasks[0]._replace(pairs=cut),)
    phase = WholeDataPhase(model, "users", hyper["batch"], [(hyper["c0"], None)], 0.0, False, seed=0)
    (group,) = phase.groups
    group.by_product, group.array_names = False, ["rows", "cols", "offsets"]  # users come again
    flat = places[0][ids.ravel()].astype(np.int32)
    return phase, {"ids": flat, **{f"0/{k}": a for k, a in group.batches(flat).items()}}


def follow(model, phase, batches, hyper, arrays, prefix, compare, limit, tables):
    """compare: (step) -> what the model has and what it should have, after steps 1 and 5."""
    optimizer = Adam(hyper["lr"]) if hyper["optimizer"] == "adam" else Adagrad(hyper["lr"], 1e-8)
    plan = Plan(5, {k: a.astype(np.int32) for k, a in batches.items()})
    learner = GradientLearner(model, [Replayed(phase, plan)], optimizer, seed=0)
    learner.begin(0)
    losses = []
    for step in range(1, 6):
        losses.append(learner.run(step - 1, step, 0.0))
        if step in (1, 5):
            for name, actual, expected in compare(step):
                close(tf.squeeze(actual), expected, f"{name}, step {step}", 0, limit)
    close(losses, arrays[f"{prefix}/loss/total"], "loss", 1e-5, 1e-4)
    scores = model.scorer()(tf.range(model.n_users))
    close(scores, arrays[f"{prefix}/scores5"][np.ix_(*tables)], "scores", 0, limit)


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("name", MODELS)
def test_sub_models_follow_the_authors_steps(name, k):
    """A shard as a data set of its own, with compact ids, is the authors' sub-model k inside the whole
    tables.
    """
    arrays, hyper = golden(f"receraser_{name}")
    data = whole(arrays, hyper)
    pairs, (shards, *own) = all_pairs(data), arrays["data/shard_user_item"].T
    assignment = np.empty(pairs.nnz, int)
    assignment[np.searchsorted(pairs.keys, own[0] * data.n_items + own[1])] = shards
    part, users, items = shard_of(data, pairs, assignment, k)
    np.testing.assert_array_equal(users, np.sort(arrays[f"data/shard{k}_users"]))
    np.testing.assert_array_equal(items, np.sort(arrays[f"data/shard{k}_items"]))
    config = OmegaConf.create(
        {
            "name": "golden",
            "embedding_size": hyper["d"],
            "layers": hyper["layers"],
            "node_dropout": 0.0,
            "dropout": 0.0,
            "init": "normal",
            "init_scale": 0.1,
            "prediction_vector": None,
            "item_bias": False,
        }
    )
    model = (LightGCN if name == "lightgcn" else MatrixFactorization)(config, part, seed=0)
    tables = {"user_embedding": users, "item_embedding": items}
    for table, ids in tables.items():
        model.state()[table].assign(arrays[f"init/{table}"][ids, k])
    place = [np.zeros(n, int) for n in (hyper["n_users"], hyper["n_items"] + 1)]
    place[0][users], place[1][items] = np.arange(len(users)), np.arange(len(items))
    if name == "wmf":
        phase, batches = whole_data(model, hyper, f"sub{k}", arrays, place)
    else:
        phase, batches = sampled(model, hyper, f"sub{k}", arrays, hyper["reg"])
        batches = {"users": place[0][batches["users"]], "items": place[1][batches["items"]]}

    def compare(step):
        for table, ids in tables.items():
            yield table, model.state()[table], arrays[f"sub{k}/step{step}/{table}"][ids, k]

    follow(model, phase, batches, hyper, arrays, f"sub{k}", compare, LIMITS[name], (users, items))


def attention(model, users):
    """[n, K], where every sub-model knows every user."""
    return tf.transpose(tf.reshape(model.attention(model.users, users).weights, [-1, len(users)]))


@pytest.mark.parametrize("name", MODELS)
def test_attention_follows_the_authors_steps(name):
    arrays, hyper = golden(f"receraser_{name}")
    data = whole(arrays, hyper)
    settings = OmegaConf.create(
        {
            "aggregation": "attention",
            "absent": "zeros",
            "attention_size": hyper["attention_size"],
            "transfer_init": "normal",
            "aggregation_dropout": 0.0,
            "aggregation_layers": hyper["layers"],
            "attention_l2": 0.0,
            "transfer_l2": 1e-5 if name == "bpr" else 0.0,
        }
    )
    # In the released code absent users and items keep their random vectors, which is as if they were there.
    tables = [
        Table(v, np.ones(v.shape[:2], bool)) for v in (arrays["init/user_embedding"], arrays["init/item_embedding"])
    ]
    model = build_aggregation(settings, data, 0, *tables)
    for variable, tensor in model.state().items():
        tensor.assign(arrays[f"init/{variable}"])
    everyone = np.arange(hyper["n_users"]), np.arange(hyper["n_items"])
    first = (
        everyone[0] if name == "lightgcn" else arrays["agg/batch/user_ids" if name == "wmf" else "agg/batch/users"][0]
    )
    close(
        attention(model, first),
        arrays["agg/fwd0/attention_weights_users"],
        "attention",
        0,
        1e-6,
    )
    if name == "wmf":
        phase, batches = whole_data(model, hyper, "agg", arrays, (everyone[0], np.append(everyone[1], 0)))
    else:
        phase, batches = sampled(model, hyper, "agg", arrays, 0.0)

    def compare(step):
        for variable, tensor in model.state().items():
            yield variable, tensor, arrays[f"agg/step{step}/{variable}"]

    follow(model, phase, batches, hyper, arrays, "agg", compare, LIMITS[name], everyone)
    close(
        attention(model, everyone[0]),
        arrays["agg/attention_weights_users5"],
        "attention",
        0,
        1e-5,
    )
