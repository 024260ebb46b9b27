"""Scores of the aggregations against their equations, and what absent users and items count."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.training.learner import SolverLearner
from recsys_cli.unlearning.aggregation import build_aggregation
from recsys_cli.unlearning.generation import aggregation_config
from recsys_cli.unlearning.tables import stack

SETTINGS = {
    "aggregation": "mean",
    "absent": "zeros",
    "attention_size": 3,
    "attention_l2": 0.0,
    "transfer_l2": 0.0,
    "transfer_init": "xavier_uniform",
    "aggregation_dropout": 0.0,
    "aggregation_layers": 0,
    "ridge_users": 0.5,
    "ridge_items": 0.2,
}
M, N, K, D = 6, 5, 2, 4
USERS, ITEMS = ([0, 1, 2, 5], [1, 2, 3]), ([0, 1, 3], [1, 2, 3])  # ids in each shard; 4 is in none


@pytest.fixture
def make():
    random = np.random.default_rng(0)
    tables = [
        stack(n, [np.array(own) for own in ids], [random.normal(size=(len(own), D)) for own in ids])
        for n, ids in ((M, USERS), (N, ITEMS))
    ]
    data = Dataset("tiny", M, N, "buy", {"buy": CSR.from_pairs([0, 1, 2, 3], [0, 1, 2, 3], M, N)})

    def build(**changes):
        return build_aggregation(OmegaConf.create({**SETTINGS, **changes}), data, 0, *tables), *tables

    return build


def scores(model) -> np.ndarray:
    return model.scorer()(np.arange(M, dtype=np.int32)).numpy()


def test_the_mean_of_the_scores(make):
    model, users, items = make()
    expected = np.mean([users.vectors[:, k] @ items.vectors[:, k].T for k in range(K)], axis=0)
    np.testing.assert_allclose(scores(model), expected, atol=1e-6)
    assert not model.variables and (scores(model)[4] == 0).all()


def test_regression_minimises_its_objective(make):
    """No change of M lowers it, and gradients agree in float64."""
    model, users, items = make(aggregation="regression")
    learner = SolverLearner(model)
    learner.run(0, learner.begin(0), 0.0)
    x, z = (table.vectors.reshape(len(table.vectors), -1).astype(float) for table in (users, items))
    observed, m = np.zeros((M, N)), model.mapping.numpy().astype(float)
    observed[range(4), range(4)] = 1
    a, b = (ridge * np.mean(np.square(side).sum(axis=0)) for ridge, side in ((0.5, x), (0.2, z)))
    error = x @ m @ z.T - observed
    gradient = x.T @ error @ z + b * x.T @ x @ m + a * m @ z.T @ z + a * b * m
    np.testing.assert_allclose(gradient, 0, atol=1e-5)
    assert abs(m).max() > 0.01
    np.testing.assert_allclose(scores(model), x @ m @ z.T, atol=1e-5)


def test_static_weights_are_on_the_simplex(make):
    model, users, items = make(aggregation="static")
    model.logits.assign([1.0, 3.0])
    weights = np.exp([1.0, 3.0]) / np.exp([1.0, 3.0]).sum()
    expected = sum(w * users.vectors[:, k] @ items.vectors[:, k].T for k, w in enumerate(weights))
    np.testing.assert_allclose(scores(model), expected, atol=1e-6)


def test_attention_by_its_equations(make):
    model, users, items = make(aggregation="attention")
    state = {name: variable.numpy() for name, variable in model.state().items()}

    def aggregated(table, side):
        rows = np.zeros((len(table.vectors), D))
        for row, (vectors, there) in enumerate(zip(table.vectors, table.there)):
            moved = {k: vectors[k] @ state["transfer_W"][k] + state["transfer_b"][k] for k in np.flatnonzero(there)}
            logits = {
                k: state[f"attention_{side}_h"][:, 0]
                @ np.maximum(v @ state[f"attention_{side}_W"] + state[f"attention_{side}_b"], 0)
                for k, v in moved.items()
            }
            total = sum(np.exp(z) for z in logits.values())
            for k in moved:
                rows[row] += np.exp(logits[k]) / total * moved[k]
        return rows

    expected = aggregated(users, "user") @ aggregated(items, "item").T
    np.testing.assert_allclose(scores(model), expected, atol=1e-6)
    assert (scores(model)[4] == 0).all() and (scores(model)[:, 4] == 0).all()


def test_some_are_aggregated_as_in_the_whole(make):
    """In any order, repeated, also those that no sub-model knows."""
    model, *_ = make(aggregation="attention")
    whole, ids = model.user_vectors(0, None).numpy(), np.array([4, 2, 2, 0, 5])
    np.testing.assert_allclose(model.user_vectors(0, None, ids), whole[ids], atol=1e-7)
    whole, ids = model.item_vectors(0, None).numpy(), np.array([[4, 1], [0, 1]])
    np.testing.assert_allclose(model.item_vectors(0, None, ids), whole[ids], atol=1e-7)


def test_the_aggregation_learns_from_all_pairs_or_as_the_model():
    root = OmegaConf.create(
        {
            "seed": 1,
            "loss": {"name": "bpr"},
            "optimizer": {"name": "adagrad"},
            "trainer": {"batch_size": 7, "epochs": 9},
            "unlearning": {
                "aggregation_loss": "non_sampling",
                "aggregation_epochs": 3,
                "aggregation_batch_size": 5,
                "aggregation_negative_weight": 0.3,
                "aggregation_learning_rate": 0.02,
            },
        }
    )
    config = aggregation_config(root, "buy")
    assert (config.loss.name, config.loss.negative_weight, config.optimizer.name) == ("non_sampling", 0.3, "adam")
    assert (config.optimizer.learning_rate, config.trainer.batch_size, config.trainer.epochs) == (0.02, 5, 3)
    root.unlearning.aggregation_negative_weight = None
    assert aggregation_config(root, "buy").loss.negative_weight == 0.1
    root.loss.negative_weight = {"view": 0.4, "buy": 0.5}
    assert aggregation_config(root, "buy").loss.negative_weight == 0.5
    root.unlearning.aggregation_loss = "model"
    config = aggregation_config(root, "buy")
    assert (config.loss.name, config.optimizer.name, config.trainer.batch_size) == ("bpr", "adagrad", 7)


def test_absent_ones_may_keep_random_vectors(make):
    model, users, _ = make(absent="random")
    scored = scores(model)
    assert (scored[4] != 0).all() and np.abs(scored[4]).max() < 0.1
    again, *_ = make(absent="random")
    assert (scores(again) == scored).all() and not users.vectors[4].any()


def test_identity_begins_as_the_plain_mean_of_the_vectors(make):
    """The attention begins nearly even, so that a user of one shard has that shard's vector."""
    model, users, _ = make(aggregation="attention", transfer_init="identity")
    found = model.scorer().users.numpy()
    np.testing.assert_allclose(found[[0, 5]], users.vectors[[0, 5], 0], atol=1e-6)
    np.testing.assert_allclose(found[3], users.vectors[3, 1], atol=1e-6)


def test_penalties(make):
    model, *_ = make(aggregation="attention", transfer_l2=0.5, attention_l2=2.0)
    squares = {name: np.square(variable.numpy()).sum() for name, variable in model.state().items()}
    transfer = sum(squares[name] for name in ("transfer_W", "transfer_b"))
    expected = 0.25 * transfer + 1.0 * (sum(squares.values()) - transfer)
    assert model.own_penalty(None).numpy() == pytest.approx(expected, rel=1e-6)
    assert make(aggregation="attention")[0].own_penalty(None) is None
