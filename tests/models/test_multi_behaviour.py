"""EHCF, CMF, MC-BPR and NMTR against their formulas, and what several behaviours may look like."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.losses import build_phases
from recsys_cli.losses.whole_data import whole_data_phases
from recsys_cli.models.cmf import CMF
from recsys_cli.models.ehcf import EHCF
from recsys_cli.models.mc_bpr import MultiChannelBPR
from recsys_cli.models.nmtr import NMTR
from tests.models.behaviours import BEHAVIOURS, N_ITEMS, N_USERS, dataset

SIZE = 4
COMMON = {"embedding_size": SIZE, "dropout": 0.0, "init": "normal", "init_scale": 0.7, "task_weights": None}
EHCF_CONFIG = {**COMMON, "name": "ehcf", "causal": None, "joint": True, "transfer_l2": 0.01}
WHOLE_DATA = {
    "name": "non_sampling",
    "scope": "whole_data",
    "popularity": None,
    "batch": "users",
    "l2": 0.0,
    "dense": False,
    "negative_weight": {"view": 0.1, "cart": 0.2, "buy": 0.4},
}
BCE = {
    "name": "bce",
    "scope": "sampled",
    "negatives": 2,
    "popularity": None,
    "sampling": "interactions",
    "reduction": "sum",
    "l2": 0.0,
}


def ehcf(behaviours=BEHAVIOURS, **config) -> EHCF:
    return EHCF(OmegaConf.create({**EHCF_CONFIG, **config}), dataset(behaviours), seed=2)


def cmf(**config) -> CMF:
    return CMF(OmegaConf.create({**COMMON, "name": "cmf", "shared": "users", **config}), dataset(), seed=2)


def nmtr(**config) -> NMTR:
    values = {**COMMON, "name": "nmtr", "hidden_layers": 2, "cascade": "mean", **config}
    model = NMTR(OmegaConf.create(values), dataset(), seed=2)
    for variable in (*model.item_biases, *(shift for _, shifts, _ in model.networks for shift in shifts)):
        variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]))
    return model


def epoch_loss(model, settings) -> float:
    total = 0.0
    for phase in build_phases(OmegaConf.create(settings), model, 5, seed=0):
        plan = phase.plan(epoch=1)
        arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
        for s in range(plan.n_steps):
            total += float(phase.loss(arrays, tf.constant(s), tf.constant([1, s])))
    return total


def whole_data_by_definition(tasks, scores) -> float:
    total = 0.0
    for task, s in zip(tasks, scores):
        label = np.zeros((N_USERS, N_ITEMS), bool)
        label[task.pairs.rows, task.pairs.indices] = True
        weight = np.where(label, 1.0, WHOLE_DATA["negative_weight"][task.name])
        total += task.weight * ((weight * (label - s) ** 2).sum() - label.sum())
    return total


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5)


def test_ehcf_transfers_along_its_links():
    model = ehcf(causal={"cart": ["view"], "buy": ["cart", "view"]})
    v = {name: variable.numpy() for name, variable in model.state().items()}
    cart = v["M_view_cart"] @ v["h_view"] + v["r_view_cart"]
    buy = v["M_cart_buy"] @ cart + v["r_cart_buy"] + v["M_view_buy"] @ v["h_view"] + v["r_view_buy"]
    for actual, expected in zip(model.encode(), (v["h_view"], cart, buy)):
        close(actual, expected)
    close(model.scorer()(tf.range(N_USERS)), (v["user_embedding"] * buy) @ v["item_embedding"].T)
    assert np.abs(v["M_cart_buy"]).max() < np.sqrt(3 / SIZE) < 1.3 * np.abs(v["M_cart_buy"]).max()


@pytest.mark.parametrize("joint", [True, False])
def test_ehcf_loss_and_its_own_penalty_once_per_step(joint):
    model = ehcf(joint=joint)
    heads = model.encode()
    p, q = model.user_embedding.numpy(), model.item_embedding.numpy()
    expected = whole_data_by_definition(model.tasks, [(p * h.numpy()) @ q.T for h in heads])
    squares = sum((v.numpy() ** 2).sum() for name, v in model.state().items() if name.startswith("M_"))
    steps = 3 if joint else 9
    close(epoch_loss(model, WHOLE_DATA), expected + steps * 0.01 * 0.5 * squares)
    assert len(whole_data_phases(OmegaConf.create(WHOLE_DATA), model, 5, seed=0)) == steps // 3


def test_ehcf_without_links_has_free_heads_and_no_penalty():
    model = ehcf(causal="none")
    assert sorted(model.state()) == ["h_buy", "h_cart", "h_view", "item_embedding", "user_embedding"]
    assert model.own_penalty(model.encode()) is None
    assert ehcf(transfer_l2=0.0).own_penalty(None) is None


def test_ehcf_drops_the_same_elements_of_a_user_for_all_behaviours():
    model, ids, noise = ehcf(dropout=0.5), tf.range(N_USERS), tf.constant([3, 4])
    masks = [model.user_vectors(t, None, ids, noise).numpy() == 0 for t in range(3)]
    assert 0 < masks[0].mean() < 1 and (masks[0] == masks[1]).all() and (masks[0] == masks[2]).all()


def test_sampled_joint_step_holds_every_pair_of_every_behaviour_once():
    model = ehcf(transfer_l2=0.0)
    (phase,) = build_phases(OmegaConf.create(BCE), model, 7, seed=0)
    plan = phase.plan(epoch=0)
    for part, task in zip(phase.parts, model.tasks):
        users, items = plan.arrays[f"{task.name}/users"], plan.arrays[f"{task.name}/items"]
        assert np.array_equal(np.sort(users.astype(np.int64) * N_ITEMS + items[:, 0]), task.pairs.keys)
        assert not task.pairs.contains(np.repeat(users, 2), items[:, 1:].ravel()).any()
        assert plan.n_steps * part.batch_size >= len(users)
    assert sum(part.batch_size for part in phase.parts) <= 7 + 3


def test_sampled_joint_epoch_is_the_sum_of_its_tasks():
    together, apart = (epoch_loss(ehcf(joint=joint, transfer_l2=0.0), BCE) for joint in (True, False))
    close(together, apart)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_sampled_joint_step_weighs_its_tasks(reduction):
    """By hand, from the pairs that the plan has drawn."""
    weights = {"view": 0.2, "cart": 3.0, "buy": 0.7}
    model = ehcf(transfer_l2=0.0, task_weights=weights)
    (phase,) = build_phases(OmegaConf.create({**BCE, "reduction": reduction, "l2": 0.05}), model, 11, seed=0)
    plan, heads = phase.plan(epoch=0), model.encode()
    p, q = model.user_embedding.numpy(), model.item_embedding.numpy()
    sizes = {part.batch_size for part in phase.parts}
    assert len(sizes) > 1  # a division by the rows of one task alone would show
    expected, rows = 0.0, 0
    for part, task, h in zip(phase.parts, model.tasks, heads):
        users, items = (plan.arrays[f"{task.name}/{key}"][: part.batch_size] for key in ("users", "items"))
        sign = np.array([-1, 1, 1])  # one chosen item, two others
        scores = np.einsum("bd,bmd->bm", p[users] * h.numpy(), q[items])
        squares = (p[users] ** 2).sum() + (q[items] ** 2).sum()
        expected += weights[task.name] * np.logaddexp(0, sign * scores).sum() + 0.05 * 0.5 * squares
        rows += len(users)
    arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
    loss = phase.loss(arrays, tf.constant(0), tf.constant([1, 0]))
    close(loss, expected / (rows if reduction == "mean" else 1))


def test_sampled_losses_add_the_models_own_penalty():
    model = ehcf()
    (phase,) = build_phases(OmegaConf.create(BCE), model, 5, seed=0)
    more = epoch_loss(model, BCE) - epoch_loss(ehcf(transfer_l2=0.0), BCE)
    np.testing.assert_allclose(more, phase.plan(1).n_steps * float(model.own_penalty(None)), rtol=1e-3)


@pytest.mark.parametrize("shared", ["users", "items"])
def test_cmf_factorises_every_behaviour_with_one_side_in_common(shared):
    model = cmf(shared=shared, task_weights={"view": 0.2, "cart": 0.3, "buy": 0.5})
    v = {name: variable.numpy() for name, variable in model.state().items()}
    own, common = ("item", "user") if shared == "users" else ("user", "item")
    assert sorted(v) == sorted([f"{common}_embedding", *(f"{own}_embedding_{b}" for b in BEHAVIOURS)])
    tables = [{f"{common}": v[f"{common}_embedding"], own: v[f"{own}_embedding_{b}"]} for b in BEHAVIOURS]
    scores = [t["user"] @ t["item"].T for t in tables]
    close(epoch_loss(model, WHOLE_DATA), whole_data_by_definition(model.tasks, scores))
    close(model.scorer()(tf.range(N_USERS)), scores[2])
    penalties = [model.penalty(t, None, None, None) for t in range(3)]
    close(penalties, [0.5 * sum((table**2).sum() for table in t.values()) for t in tables])


def test_cmf_drops_elements_of_the_batched_side():
    model, ids, noise = cmf(dropout=0.5), tf.range(N_USERS), tf.constant([3, 4])
    p = model.user_vectors(1, None, ids, noise).numpy()
    kept = p != 0
    assert 0.2 < kept.mean() < 0.8
    close(p[kept], 2 * model.users[1].numpy()[kept])
    assert (model.item_vectors(1, None, None, noise).numpy() == 0).any()
    assert (model.item_vectors(1, None).numpy() != 0).all()


def test_mc_bpr_drops_on_both_sides():
    config = OmegaConf.create({**COMMON, "name": "mc_bpr", "dropout": 0.4})
    model = MultiChannelBPR(config, dataset(), seed=2)
    users, items, noise = tf.constant([1, 4]), tf.constant([[0, 3], [5, 5]]), tf.constant([7, 8])
    p = model.user_vectors(2, None, users, noise).numpy()
    q = model.item_vectors(2, None, items, noise).numpy()
    assert (p == 0).any() and (q == 0).any()
    close(model.score(2, None, users, items, noise), np.einsum("bd,d,bmd->bm", p, model.h, q))


def cascade_by_hand(model: NMTR, user: int, item: int, task: int) -> float:
    v = {name: variable.numpy().astype(np.float64) for name, variable in model.state().items()}
    p, q, total = v["user_embedding"][user], v["item_embedding"][item], None
    for name in BEHAVIOURS[: task + 1]:
        x = np.concatenate([p, q, p * q])
        for layer in range(model.config.hidden_layers):
            x = np.maximum(x @ v[f"W_{name}_{layer}"] + v[f"b_{name}_{layer}"], 0)
        own = (x @ v[f"w_{name}"]).item()
        share = 0.5 if model.config.cascade == "mean" else 1.0
        total = own if total is None else share * (own + total) + v[f"item_bias_{name}"][item]
    return total


@pytest.mark.parametrize("cascade", ["mean", "sum"])
@pytest.mark.parametrize("hidden_layers", [0, 2])
def test_nmtr_cascade(cascade, hidden_layers, monkeypatch):
    monkeypatch.setattr("recsys_cli.models.pairwise.ITEMS_AT_A_TIME", 4)
    model = nmtr(cascade=cascade, hidden_layers=hidden_layers)
    pairs = {3: [0, 8, 1], 12: [5, 5, 2]}
    users, items = tf.constant(list(pairs)), tf.constant(list(pairs.values()))
    for task in range(3):
        expected = [[cascade_by_hand(model, u, i, task) for i in row] for u, row in pairs.items()]
        close(model.score(task, None, users, items), expected)
    everything = [[cascade_by_hand(model, u, i, 2) for i in range(N_ITEMS)] for u in (12, 3, 3)]
    close(model.scorer()(tf.constant([12, 3, 3])), everything)


@pytest.mark.parametrize("task", [0, 2])
def test_nmtr_penalises_what_a_score_is_made_of(task):
    model, users, items = nmtr(), tf.constant([3, 3]), tf.constant([[0, 8], [1, 1]])
    tables = [
        model.user_embedding.numpy()[users],
        model.item_embedding.numpy()[items],
        *(bias.numpy()[items] for bias in model.item_biases[:task]),
    ]
    close(model.penalty(task, None, users, items), 0.5 * sum((table**2).sum() for table in tables))
