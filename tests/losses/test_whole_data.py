"""Batches of users, of items and the dense loss are three ways to the same sum; several tasks stack or add up."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses import build_phases
from recsys_cli.losses.whole_data import negative_weights, whole_data_phases
from recsys_cli.models.base import Task, TrainableModel
from recsys_cli.models.factorization import MatrixFactorization

CONFIG = {"negative_weight": 0.3, "popularity": None, "batch": "users", "l2": 0.0, "dense": False}


def model_with(n_tasks: int = 1, **config):
    rng = np.random.default_rng(3)
    pairs = [CSR.from_pairs(*np.nonzero(rng.random((23, 17)) < 0.2), 23, 17) for _ in range(n_tasks)]
    config = {
        "name": "mf",
        "embedding_size": 5,
        "dropout": 0.0,
        "init": "normal",
        "init_scale": 0.5,
        "prediction_vector": 0.7,
        "item_bias": False,
        **config,
    }
    model = MatrixFactorization(OmegaConf.create(config), Dataset("tiny", 23, 17, "buy", {"buy": pairs[0]}), seed=1)
    model.tasks = tuple(Task(f"b{t}", p, 1.0 + t) for t, p in enumerate(pairs))
    return model


def epoch_loss(model, **settings) -> float:
    total = 0.0
    for phase in whole_data_phases(OmegaConf.create({**CONFIG, **settings}), model, batch_size=6, seed=0):
        plan = phase.plan(epoch=2)
        arrays = {k: tf.constant(v) for k, v in plan.arrays.items()}
        total += sum(float(phase.loss(arrays, tf.constant(s), tf.constant([1, s]))) for s in range(plan.n_steps))
    return total


def by_definition(model, c0, popularity=None) -> float:
    scores = model.scorer()(tf.range(23)).numpy().astype(np.float64)
    total = 0.0
    for task in model.tasks:
        label = np.zeros((23, 17), bool)
        label[task.pairs.rows, task.pairs.indices] = True
        m = np.maximum(label.sum(0), 1.0) ** (popularity or 0.0)
        weight = np.broadcast_to(c0 * (m / m.sum() if popularity else np.ones(17)), label.shape).copy()
        weight[label] = 1.0
        total += task.weight * ((weight * (label - scores) ** 2).sum() - label.sum())
    return total


@pytest.mark.parametrize("n_tasks", [1, 3])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("popularity", [None, 0.5])
@pytest.mark.parametrize("batch", ["users", "items"])
def test_an_epoch_sums_over_all_pairs(n_tasks, dense, popularity, batch):
    model = model_with(n_tasks)
    value = epoch_loss(model, batch=batch, dense=dense, popularity=popularity)
    np.testing.assert_allclose(value, by_definition(model, 0.3, popularity), rtol=2e-5)


def test_alternating_is_users_then_items():
    model = model_with()
    np.testing.assert_allclose(epoch_loss(model, batch="alternating"), 2 * by_definition(model, 0.3), rtol=2e-5)


def test_item_bias_is_part_of_the_score():
    model = model_with(item_bias=True)
    model.item_bias.assign(tf.random.stateless_normal([17, 1], [1, 2]))
    np.testing.assert_allclose(epoch_loss(model), by_definition(model, 0.3), rtol=2e-5)


def test_weights_per_behaviour_must_name_them_all():
    with pytest.raises(UserError, match="b0, b1"):
        epoch_loss(model_with(2), negative_weight={"b0": 0.1})


def test_weights_by_name_of_a_task_or_of_its_group():
    model = model_with(3)
    first, second, third = model.tasks
    model.tasks = (first, second._replace(group="rest"), third._replace(group="rest"))
    found = negative_weights({"b0": 0.1, "rest": 0.2, "b2": 0.3}, {"behaviours": 0.5, "rest": 0.0}, model)
    assert [c0 for c0, _ in found] == [0.1, 0.2, 0.3]
    counts = np.maximum(first.pairs.col_counts, 1.0) ** 0.5
    np.testing.assert_allclose(found[0][1], counts / counts.sum(), rtol=1e-6)
    np.testing.assert_allclose([found[1][1], found[2][1]], np.full((2, 17), 1 / 17), rtol=1e-6)
    with pytest.raises(UserError, match=r"loss.popularity names b0, rst, .* Did you mean 'rest'"):
        negative_weights(0.1, {"b0": 0.5, "rst": 0.2}, model)


def test_one_group_of_two_shapes_is_refused():
    model = model_with(2)
    cut = model.tasks[1].pairs
    model.tasks = (model.tasks[0], Task("b1", CSR.from_pairs(cut.rows, cut.indices % 5, 23, 5)))
    with pytest.raises(
        UserError, match=r"'b0' and 'b1' are of one group, 'behaviours', and have \(23, 17\) and \(23, 5\)"
    ):
        epoch_loss(model)


def test_the_reported_loss_is_the_squared_error():
    """The kernel leaves out a constant; `Plan.constants` puts it back, batch by batch."""
    model = model_with(2)
    (phase,) = whole_data_phases(OmegaConf.create(CONFIG), model, batch_size=6, seed=0)
    plan = phase.plan(0)
    for step in range(plan.n_steps):
        ids = plan.arrays["ids"][6 * step : 6 * step + 6]
        expected = sum(task.weight * task.pairs.row_lengths[ids].sum() for task in model.tasks)
        assert plan.constants[step] == expected
    np.testing.assert_allclose(plan.constants.sum(), sum(task.weight * task.pairs.nnz for task in model.tasks))


def test_l2_for_a_model_that_names_nothing_is_refused():
    model = model_with(1)
    model.__class__ = type("Own", (MatrixFactorization,), {"penalised": TrainableModel.penalised})
    with pytest.raises(UserError, match="loss.l2=0.1: model=mf does not say which vectors it penalises"):
        build_phases(
            OmegaConf.create({**CONFIG, "name": "non_sampling", "scope": "whole_data", "l2": 0.1}), model, 6, 0
        )
