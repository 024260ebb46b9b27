"""What workers compute of their users adds up to what one computes of all, whatever the loss and its batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.share import Share, part_of, rows_of
from recsys_cli.losses.whole_data import WholeDataSettings, whole_data_phases
from recsys_cli.models.ehcf import EHCF
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.ops.layers import NoiseOfRows, dropout
from tests import tiny

USERS, ITEMS, BATCH, WORKERS = 23, 17, 11, 5  # of the last user of an epoch, four workers have no row


def data():
    rng = np.random.default_rng(3)
    masks = {name: rng.random((USERS, ITEMS)) < density for name, density in (("view", 0.4), ("buy", 0.2))}
    masks["buy"][4] = False  # a user without a pair
    return replace(tiny.dataset(**masks), user_ids=np.arange(USERS) + 100)


def made(cls, dataset, **settings):
    return cls(cls.Settings(name="tiny", embedding_size=4, init="normal", init_scale=0.5, **settings), dataset, seed=1)


def of_workers(cls, **settings):
    """Models of all workers, with the values that one with all users has."""
    whole, models = made(cls, data(), **settings), []
    for number in range(WORKERS):
        share = Share(number, WORKERS, USERS)
        model = made(cls, part_of(data(), share), **settings)
        for name, variable in model.state().items():
            values = whole.state()[name]
            variable.assign(values[share.rows] if name in model.user_tables else values)
        model.tasks = tuple(t._replace(counts=data().train[t.name].col_counts) for t in model.tasks)
        models.append(model)
    return whole, models


def test_every_user_has_one_place():
    shares = [Share(number, 4, 10) for number in range(4)]
    ids = np.array([7, 3, 0, 9, 4, 8, 1, 2, 6, 5])
    found = np.full(10, -1)
    for share in shares:
        places, rows = share.among(ids)
        np.testing.assert_array_equal(ids[places], np.arange(10)[share.rows][rows])
        found[places] = share.number
        assert share.size(share.number) == len(np.arange(10)[share.rows])
    np.testing.assert_array_equal(found, ids % 4)
    assert [share.first for share in shares] == [True, False, False, False]


def test_a_part_has_the_rows_of_its_users_and_nothing_held_out():
    dataset = replace(data(), test=data().target_train)
    share = Share(1, 3, USERS)
    part = part_of(dataset, share)
    assert (part.n_users, part.n_items, part.test, part.share) == (8, ITEMS, None, share)
    np.testing.assert_array_equal(part.user_ids, np.arange(101, 100 + USERS, 3))
    for name, matrix in dataset.train.items():
        for row, user in enumerate(range(1, USERS, 3)):
            np.testing.assert_array_equal(part.train[name].row(row), matrix.row(user))


def test_rows_keep_their_values():
    matrix = replace(data().target_train, values=np.arange(data().target_train.nnz, dtype=np.float32))
    part = rows_of(matrix, slice(2, None, 5))
    np.testing.assert_array_equal(part.values, matrix.values[matrix.rows % 5 == 2])


def test_rows_of_a_batch_drop_what_they_drop_in_the_whole_one():
    seed, x = tf.constant([1, 7], tf.int64), tf.ones([9, 6])
    rows = tf.constant([0, 3, 8])
    part = dropout(tf.gather(x, rows), 0.5, NoiseOfRows(seed, rows, tf.constant(9)))
    np.testing.assert_array_equal(part, tf.gather(dropout(x, 0.5, seed), rows))
    assert 0 < np.count_nonzero(part) < 18


CASES = [
    (MatrixFactorization, {"prediction_vector": 0.7, "dropout": 0.4}, {}),
    (MatrixFactorization, {"prediction_vector": 0.7, "dropout": 0.4}, {"batch": "items"}),
    (MatrixFactorization, {"item_bias": True}, {"batch": "alternating", "l2": 0.3, "popularity": 0.5}),
    (EHCF, {"dropout": 0.4, "transfer_l2": 0.2}, {"l2": 0.3, "popularity": 0.5}),
    (EHCF, {"dropout": 0.4, "transfer_l2": 0.2}, {"batch": "items"}),
]


@pytest.mark.parametrize(
    "cls, settings, loss", CASES, ids=["users", "items", "bias", "behaviours", "behaviours by items"]
)
def test_losses_and_gradients_of_workers_add_up(cls, settings, loss):
    whole, models = of_workers(cls, **settings)
    config = WholeDataSettings(**{"negative_weight": 0.3, **loss})
    phases, *parts = (whole_data_phases(config, model, BATCH, seed=0) for model in (whole, *models))
    for p, phase in enumerate(phases):
        expected = steps(phase, whole)
        found = [steps(part[p], model) for part, model in zip(parts, models)]
        assert len(expected) == phase.plan(2).n_steps > 1
        for step, (value, constant, gradients) in enumerate(expected):
            own = [one[step] for one in found]
            np.testing.assert_allclose(sum(o[0] for o in own), value, rtol=1e-5, atol=1e-5)
            assert sum(o[1] for o in own) == pytest.approx(constant)
            for name, gradient in gradients.items():
                if name in whole.user_tables:
                    for model, o in zip(models, own):
                        np.testing.assert_allclose(o[2][name], gradient[model.share.rows], rtol=1e-4, atol=1e-5)
                else:
                    np.testing.assert_allclose(sum(o[2][name] for o in own), gradient, rtol=1e-4, atol=1e-4)


def steps(phase, model):
    """(loss, constant, gradients by name) of every step of an epoch."""
    plan = phase.plan(2)
    arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
    found = []
    for step in range(plan.n_steps):
        with tf.GradientTape() as tape:
            value = phase.loss(arrays, tf.constant(step), tf.constant([1, step], tf.int64))
        gradients = tape.gradient(value, model.state(), unconnected_gradients="zero")
        dense = {name: tf.convert_to_tensor(gradient).numpy() for name, gradient in gradients.items()}
        found.append((float(value), plan.constants[step], dense))
    return found
