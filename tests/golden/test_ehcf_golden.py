"""EHCF against values computed by the authors' program, step by step, with three behaviours and with two."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.base import Plan
from recsys_cli.losses.whole_data import WholeDataPhase
from recsys_cli.models.ehcf import EHCF
from recsys_cli.training.learner import GradientLearner
from recsys_cli.training.optimizers import Adagrad
from tests.golden.golden import check_gradients, close, golden
from tests.golden.test_factorization_golden import Replayed

ORDER = ("view", "cart", "buy")  # of the coefficients in the golden files
# Ten times what a disturbance of one float32 unit does to parameters after five steps, and to scores.
LIMITS = {"ehcf": (6e-4, 6.5e-5), "ehcf_two_behaviours": (1.4e-4, 1e-5)}


def model_of(arrays, hyper, behaviours) -> EHCF:
    # The authors' padding row is an item that nobody chose.
    n_users, n_items = hyper["n_users"], hyper["n_items"] + 1
    weights = dict(zip(ORDER, hyper["mu_view_cart_buy"]))
    named = {name: arrays[f"data/{'buy_train' if name == 'buy' else name}_pairs"] for name in behaviours}
    train = {name: CSR.from_pairs(*pairs.T, n_users, n_items) for name, pairs in named.items()}
    config = OmegaConf.create(
        {
            "name": "golden",
            "embedding_size": hyper["d"],
            "dropout": 0.0,
            "init": "normal",
            "init_scale": 0.1,
            "causal": None,
            "task_weights": {name: weights[name] for name in behaviours},
            "joint": True,
            "transfer_l2": hyper["l2_transfer"],
        }
    )
    model = EHCF(config, Dataset("golden", n_users, n_items, "buy", train), seed=0)
    for name, variable in model.state().items():
        variable.assign(arrays[f"init/{name}"].reshape(variable.shape))
    return model


def replay(model, arrays, hyper, dense: bool) -> GradientLearner:
    """The recorded batches, laid out one by one because users come again in later ones."""
    c0 = [(hyper["c0_view_cart_buy"][ORDER.index(task.name)], None) for task in model.tasks]
    phase = WholeDataPhase(model, "users", hyper["batch"], c0, 0.0, dense, seed=0)
    parts = [phase.groups[0].batches(ids) for ids in arrays["batch/user_ids"]]
    names = phase.groups[0].array_names
    joined = {f"0/{name}": np.concatenate([part[name] for part in parts]) for name in names}
    joined["0/offsets"] = np.cumsum([0, *(part["offsets"][-1] for part in parts)]).astype(np.int32)
    plan = Plan(len(parts), {"ids": arrays["batch/user_ids"].ravel().astype(np.int32), **joined})
    optimizer = Adagrad(hyper["lr"], hyper["initial_accumulator"])
    return GradientLearner(model, [Replayed(phase, plan)], optimizer, seed=0)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name, behaviours", [("ehcf", ORDER), ("ehcf_two_behaviours", ("view", "buy"))])
def test_ehcf_follows_the_authors_steps(name, behaviours, dense):
    arrays, hyper = golden(name)
    model = model_of(arrays, hyper, behaviours)
    learner = replay(model, arrays, hyper, dense)
    heads = dict(zip(behaviours, model.encode()))
    for behaviour in behaviours[1:]:
        close(heads[behaviour], arrays[f"fwd0/h_{behaviour}"], f"h_{behaviour}", 1e-5, 1e-6)
    check_gradients(model, learner.phases[0], arrays)
    assert learner.begin(0) == 5
    after_steps, scores = LIMITS[name]
    losses = []
    for step in range(5):
        # Their branch for two behaviours also penalises the matrices of the missing one.
        own = float(model.own_penalty(None)) - arrays["loss/reg"][step]
        losses.append(learner.run(step, step + 1, 0.0) - own)
        if step in (0, 4):
            for parameter, variable in model.state().items():
                expected, limit = arrays[f"step{step + 1}/{parameter}"], 2e-5 if step == 0 else after_steps
                close(tf.squeeze(variable), expected, f"{parameter} after step {step + 1}", 0, limit)
    close(losses, arrays["loss/total"], "loss", 1e-5, 1e-4)
    scored = model.scorer()(tf.range(hyper["n_users"]))[:, : hyper["n_items"]]
    close(scored, arrays["scores5"], "scores", 0, scores)


def test_all_parameters_of_the_three_behaviours_are_compared():
    arrays, hyper = golden("ehcf")
    expected = {key.removeprefix("init/") for key in arrays if key.startswith("init/")}
    assert set(model_of(arrays, hyper, ORDER).state()) == expected
    two = set(model_of(*golden("ehcf_two_behaviours"), ("view", "buy")).state())
    assert two == {"user_embedding", "item_embedding", "h_view", "M_view_buy", "r_view_buy"}
