"""ENMF, WMF and BPR-MF against values computed by the authors' programs, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.losses.base import Plan
from recsys_cli.losses.sampled import SampledPhase
from recsys_cli.losses.whole_data import WholeDataPhase
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.training.learner import GradientLearner
from recsys_cli.training.optimizers import Adagrad
from tests.golden.golden import check_gradients, close, dataset_of, golden


def model_of(arrays, hyper, pairs, *, padding: bool):
    """The model at the recorded initial values; the authors' padding row is an item that nobody chose."""
    dataset = dataset_of(pairs, hyper["n_users"], hyper["n_items"] + padding)
    config = OmegaConf.create(
        {
            "name": "golden",
            "embedding_size": hyper["d"],
            "dropout": 0.0,
            "init": "normal",
            "init_scale": 0.1,
            "prediction_vector": 1.0 if "init/h" in arrays else None,
            "item_bias": False,
        }
    )
    model = MatrixFactorization(config, dataset, seed=0)
    for name, variable in model.state().items():
        variable.assign(arrays[f"init/{name}"].reshape(variable.shape))
    return model


class Replayed:
    """A phase whose single epoch is the recorded batches."""

    def __init__(self, phase, plan: Plan):
        self.name, self.loss, self._plan = phase.name, phase.loss, plan

    def plan(self, epoch):
        return self._plan


def check(arrays, model, learner, steps=5):
    check_gradients(model, learner.phases[0], arrays)
    assert learner.begin(0) == steps
    losses = []
    for step in range(steps):
        losses.append(learner.run(step, step + 1, 0.0))
        if step in (0, 4):
            for name, variable in model.state().items():
                close(tf.squeeze(variable), arrays[f"step{step + 1}/{name}"], f"{name} after step {step + 1}", 0, 1e-5)
    close(losses, arrays["loss/total"], "loss", 1e-5, 1e-4)
    scores = model.scorer()(tf.range(model.n_users))[:, : arrays["scores5"].shape[1]]
    close(scores, arrays["scores5"], "scores", 0, 1e-5)


@pytest.mark.parametrize("by_product", [False, True])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", ["enmf", "wmf"])
def test_whole_data_models_follow_the_authors_steps(name, dense, by_product):
    if dense and by_product:
        pytest.skip("the dense loss knows no layouts")
    arrays, hyper = golden(name)
    # The authors cut long lists, so the observed pairs are those of the recorded batches.
    users = np.repeat(arrays["batch/user_ids"].ravel(), arrays["batch/item_lists"].shape[2])
    items = arrays["batch/item_lists"].ravel()
    real = items != hyper["padding_item_id"]
    pairs = np.unique(np.column_stack([users[real], items[real]]), axis=0)
    model = model_of(arrays, hyper, pairs, padding=True)
    phase = WholeDataPhase(model, "users", hyper["batch"], [(hyper["c0"], None)], 0.0, dense, seed=0)
    phase.groups[0].by_product = by_product
    phase.groups[0].array_names = ["rows", "cols", "offsets"] + ["by_col"] * by_product
    phase.groups[0].columns = np.argsort(phase.groups[0].matrix.indices, kind="stable")
    ids = arrays["batch/user_ids"].ravel().astype(np.int32)
    # Users come again in later batches, so the batches are laid out one by one.
    parts = [phase.groups[0].batches(ids[s : s + hyper["batch"]]) for s in range(0, len(ids), hyper["batch"])]
    counts = [p["offsets"][-1] for p in parts]
    joined = {f"0/{k}": np.concatenate([p[k] for p in parts]) for k in parts[0] if k != "offsets"}
    joined["0/offsets"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    plan = Plan(len(parts), {"ids": ids, **joined})
    check(arrays, model, GradientLearner(model, [Replayed(phase, plan)], Adagrad(0.05, 1e-8), seed=0))


def test_bpr_follows_the_authors_steps():
    arrays, hyper = golden("bprmf")
    model = model_of(arrays, hyper, arrays["data/train_pairs"], padding=False)
    config = OmegaConf.create(
        {
            "name": "bpr",
            "negatives": 1,
            "popularity": None,
            "sampling": "users",
            "reduction": "mean",
            "l2": hyper["reg"],
        }
    )
    phase = SampledPhase(config, model, 0, hyper["batch"], seed=0)
    items = np.stack([arrays["batch/pos_items"], arrays["batch/neg_items"]], axis=-1).reshape(-1, 2)
    plan = Plan(5, {"users": arrays["batch/users"].ravel().astype(np.int32), "items": items.astype(np.int32)})
    check(arrays, model, GradientLearner(model, [Replayed(phase, plan)], Adagrad(0.05, 1e-8), seed=0))
