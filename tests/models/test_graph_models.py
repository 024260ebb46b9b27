"""LightGCN and GHCF against their formulas written down densely in NumPy, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.whole_data import whole_data_phases
from recsys_cli.models.ghcf import GHCF
from recsys_cli.models.lightgcn import LightGCN
from recsys_cli.ops.layers import dropout
from recsys_cli.training.build import build_learner, build_model

N_USERS, N_ITEMS, SIZE, LAYERS = 12, 9, 5, 3
LIGHTGCN = {
    "name": "lightgcn",
    "embedding_size": SIZE,
    "layers": LAYERS,
    "node_dropout": 0.0,
    "init": "normal",
    "init_scale": 0.5,
}
GHCF_CONFIG = {
    **LIGHTGCN,
    "name": "ghcf",
    "message_dropout": 0.0,
    "composition": "product",
    "combine": "task_weights",
    "task_weights": {"view": 0.2, "cart": 0.5, "buy": 0.3},
}
WHOLE_DATA = {"negative_weight": 0.1, "popularity": None, "batch": "users", "l2": 0.1, "dense": False}
NOISE = tf.constant([3, 4])


def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    train = {
        b: CSR.from_pairs(*np.nonzero(rng.random((N_USERS, N_ITEMS)) < p), N_USERS, N_ITEMS)
        for b, p in (("view", 0.5), ("cart", 0.3), ("buy", 0.2))
    }
    return Dataset("tiny", N_USERS, N_ITEMS, "buy", train)


def lightgcn(data=None, **config) -> LightGCN:
    return LightGCN(OmegaConf.create({**LIGHTGCN, **config}), data or dataset(), seed=1)


def ghcf(data=None, **config) -> GHCF:
    return GHCF(OmegaConf.create({**GHCF_CONFIG, **config}), data or dataset(), seed=1)


def a_hat(pairs: CSR, rate: float = 0.0, purpose: str = "") -> np.ndarray:
    """rate: with which each non-zero is dropped, by the masks of `purpose`."""
    a = np.zeros((N_USERS + N_ITEMS,) * 2)
    a[pairs.rows, N_USERS + pairs.indices] = a[N_USERS + pairs.indices, pairs.rows] = 1.0
    degrees = a.sum(1)
    a = np.divide(a, np.sqrt(np.outer(degrees, degrees)), where=a > 0, out=np.zeros_like(a))
    if rate:
        a[pairs.rows, N_USERS + pairs.indices] *= mask(pairs.nnz, rate, f"{purpose}/to users")
        a[N_USERS + pairs.T.rows, pairs.T.indices] *= mask(pairs.nnz, rate, f"{purpose}/to items")
    return a


def mask(shape, rate: float, purpose: str) -> np.ndarray:
    return dropout(tf.ones(shape), rate, NOISE, purpose).numpy()


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_lightgcn_is_the_mean_over_the_layers_of_the_target_behaviour():
    model = lightgcn()
    e = np.concatenate([model.user_embedding, model.item_embedding]).astype(np.float64)
    a = a_hat(dataset().train["buy"])
    final = (e + a @ e + a @ a @ e + a @ a @ a @ e) / 4
    close(model.scorer()(tf.range(N_USERS)), final[:N_USERS] @ final[N_USERS:].T)


def test_lightgcn_drops_the_same_edges_in_every_layer_of_a_step():
    model = lightgcn(node_dropout=0.3)
    e = np.concatenate([model.user_embedding, model.item_embedding]).astype(np.float64)
    a = a_hat(dataset().train["buy"], 0.3, "edges")
    final = (e + a @ e + a @ a @ e + a @ a @ a @ e) / 4
    users, items = model.encode(NOISE)
    close(users, final[:N_USERS])
    close(items, final[N_USERS:])


def test_lightgcn_penalises_the_layer_0_vectors():
    model = lightgcn()
    users, items = tf.constant([1, 1, 5]), tf.constant([[0, 2], [3, 3], [8, 1]])
    p, q = model.user_embedding.numpy()[users], model.item_embedding.numpy()[items]
    close(model.penalty(0, model.encode(), users, items), 0.5 * ((p**2).sum() + (q**2).sum()))


def by_definition(model: GHCF, compose_with, combine: str, node_rate=0.0, message_rate=0.0) -> list[np.ndarray]:
    """Eq. 4.17-4.22: messages of neighbours one relation at a time.

    With rates, one set of edges per behaviour for all layers, and masks of their own for the users and the items of
    each layer, which the next layer gets to see.
    """
    e, relations, *_ = (
        v.astype(np.float64)
        for v in (np.concatenate([model.user_embedding, model.item_embedding]), model.relation_embedding.numpy())
    )
    sums = [e, relations]
    edges = [a_hat(task.pairs, node_rate, f"edges of {task.name}") for task in model.tasks]
    for layer, (w, w_rel) in enumerate(zip(model.weights, model.relation_weights)):
        received = [a @ compose_with(e, relation) @ w.numpy() for a, relation in zip(edges, relations)]
        if combine == "sum":
            e = leaky(sum(received))
        else:
            e = sum(task.weight * leaky(z) for task, z in zip(model.tasks, received))
        if message_rate:
            sides = ("users", N_USERS), ("items", N_ITEMS)
            e = e * np.concatenate([mask((n, SIZE), message_rate, f"{side} of layer {layer}") for side, n in sides])
        relations = relations @ w_rel.numpy()
        sums = [s + x for s, x in zip(sums, (e, relations))]
    nodes, relations = (s / (len(model.weights) + 1) for s in sums)
    return [nodes[:N_USERS], nodes[N_USERS:], relations]


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def by_fourier(e, relation):
    """Circular correlation (Nickel et al. 2016, eq. 4)."""
    return np.fft.ifft(np.conj(np.fft.fft(e)) * np.fft.fft(relation)).real


@pytest.mark.parametrize("combine", ["task_weights", "sum"])
@pytest.mark.parametrize(
    "composition, compose_with", [("product", np.multiply), ("subtraction", np.subtract), ("correlation", by_fourier)]
)
def test_ghcf_propagates_as_defined(composition, compose_with, combine):
    model = ghcf(composition=composition, combine=combine)
    expected = by_definition(model, compose_with, combine)
    for actual, wanted in zip(model.encode(), expected):
        close(actual, wanted)
    users, items, relations = expected
    close(model.scorer()(tf.range(N_USERS)), (users * relations[2]) @ items.T)


@pytest.mark.parametrize("rates", [(0.4, 0.0), (0.0, 0.4), (0.3, 0.3)])
def test_ghcf_drops_edges_and_messages_as_defined(rates):
    model = ghcf(node_dropout=rates[0], message_dropout=rates[1])
    for actual, wanted in zip(model.encode(NOISE), by_definition(model, np.multiply, "task_weights", *rates)):
        close(actual, wanted)


def test_ghcf_skips_a_behaviour_of_weight_0():
    """Nothing of it is seen by vectors or loss, but for its own vector."""
    data = dataset()
    one_view = CSR.from_pairs(np.array([0]), np.array([0]), N_USERS, N_ITEMS)
    blank = replace(data, train={**data.train, "view": one_view})
    weights = {"view": 0.0, "cart": 0.5, "buy": 0.3}
    losses = []
    for d in (data, blank):
        model = ghcf(d, task_weights=weights)
        assert len(model.graphs) == 2 and [t.name for t in model.tasks] == ["view", "cart", "buy"]
        (phase,) = whole_data_phases(OmegaConf.create(WHOLE_DATA), model, 12, seed=0)
        assert phase.groups[0].tasks == [1, 2]
        arrays = {k: tf.constant(a) for k, a in phase.plan(0).arrays.items()}
        losses.append(float(phase.loss(arrays, tf.constant(0), NOISE)))
    assert losses[0] == losses[1]


@pytest.mark.parametrize("rate", ["node_dropout", "message_dropout"])
def test_dropout_in_training_only(rate):
    plain, model = ghcf(), ghcf(**{rate: 0.5})
    for name, variable in model.state().items():
        variable.assign(plain.state()[name])
    close(model.encode().users, plain.encode().users)
    once, again, other = (model.encode(tf.constant([3, step])).users.numpy() for step in (4, 4, 68))
    np.testing.assert_array_equal(once, again)
    assert not np.allclose(once, other) and not np.allclose(once, plain.encode().users)


def test_message_dropout_leaves_layer_0_alone():
    """A node without neighbours keeps a share of its own vector, whatever is dropped."""
    data = dataset()
    train = {
        b: CSR.from_pairs(p.rows[p.rows > 0], p.indices[p.rows > 0], N_USERS, N_ITEMS) for b, p in data.train.items()
    }
    model = ghcf(replace(data, train=train), message_dropout=0.5)
    close(model.encode(NOISE).users[0], model.user_embedding.numpy()[0] / (LAYERS + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, loss", [("lightgcn", "bpr"), ("lightgcn", "non_sampling"), ("ghcf", "non_sampling"), ("ghcf", "bpr")]
)
def test_the_presets_learn(name, loss):
    words = [
        f"model={name}",
        f"loss={loss}",
        "model.embedding_size=8",
        "model.layers=2",
        "trainer.batch_size=8",
        "optimizer.learning_rate=0.01",
    ]
    config, data = compose("train", words, library()), dataset()
    learner = build_learner(config, build_model(config.model, data, seed=0))
    assert config.optimizer.name == "adam"
    totals = [learner.run(0, learner.begin(epoch), 0.0) / learner.begin(epoch) for epoch in range(12)]
    assert np.mean(totals[-3:]) < np.mean(totals[:3])


def test_weights_of_ghcf_are_those_released():
    config = compose("train", ["model=ghcf", "data=beibei"], library())
    assert (config.loss.l2, config.loss.negative_weight) == (10, 0.1)
    assert config.model.task_weights == {"cart": 5 / 6, "buy": 1 / 6}


@pytest.mark.parametrize(
    "weights, message", [({"cart": 1.0, "buy": 1.0}, "view, cart, buy"), ({"view": 0, "cart": 0, "buy": 0}, "> 0")]
)
def test_task_weights_must_fit(weights, message):
    with pytest.raises(UserError, match=message):
        ghcf(task_weights=weights)


@pytest.mark.parametrize(
    "config, step",
    [
        # 2 layers and 3 behaviours: (2 + 2) (3 + 3) - 3 tables of 21 x 5, and 2 times 3 x 3 squares of 5 x 5.
        ({}, 21 * 21 * 5 + 18 * 25),
        ({"composition": "subtraction"}, 27 * 21 * 5 + 18 * 25),
        ({"task_weights": {"view": 0, "cart": 1, "buy": 0}}, 13 * 21 * 5 + 6 * 25),
    ],
)
def test_the_memory_that_layers_need(config, step):
    model = ghcf(layers=2, **config)
    need = GHCF.memory(model.config, dataset())
    assert need.step == step and need.parameters == sum(v.shape.num_elements() for v in model.variables)


def test_every_one_of_many_layers_has_a_mask_of_its_own():
    model = ghcf(layers=40, message_dropout=0.1)
    for actual, wanted in zip(model.encode(NOISE), by_definition(model, np.multiply, "task_weights", 0.0, 0.1)):
        close(actual, wanted)
