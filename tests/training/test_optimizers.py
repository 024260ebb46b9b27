"""Updates against the formulas, dense and for rows that repeat in one batch."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.training import optimizers
from recsys_cli.training.optimizers import build_optimizer

ROWS, PARTS = np.array([3, 1, 3]), np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], np.float32)


def summed() -> np.ndarray:
    gradient = np.zeros((4, 2), np.float32)
    np.add.at(gradient, ROWS, PARTS)
    return gradient


def adagrad(x, g, slots, t, touched):
    slots["a"] = slots.get("a", 0.1) + g**2
    return x - 0.5 * g / np.sqrt(slots["a"])


def sgd(x, g, slots, t, touched):
    return x - 0.5 * g


def adam(x, g, slots, t, touched):
    m, v = slots.get("m", 0.0 * g), slots.get("v", 0.0 * g)
    slots["m"] = np.where(touched, 0.9 * m + 0.1 * g, m)
    slots["v"] = np.where(touched, 0.99 * v + 0.01 * g**2, v)
    step = 0.5 * (slots["m"] / (1 - 0.9**t)) / (np.sqrt(slots["v"] / (1 - 0.99**t)) + 1e-8 / np.sqrt(1 - 0.99**t))
    return x - np.where(touched, step, 0.0)


CONFIGS = {
    "adagrad": (adagrad, {"initial_accumulator": 0.1}, False),
    "sgd": (sgd, {}, False),
    "adam": (adam, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}, False),
    "lazy adam": (adam, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8, "lazy": True}, True),
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_three_steps_follow_the_formula(name, sparse):
    formula, options, lazy = CONFIGS[name]
    optimizer = build_optimizer({"name": name.split()[-1], "learning_rate": 0.5, **options})
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    variable = tf.Variable(x, name="x")
    optimizer.build([variable])
    slots: dict = {}
    for t in (1, 2, 3):
        gradient = tf.IndexedSlices(tf.constant(PARTS), tf.constant(ROWS)) if sparse else tf.constant(summed())
        optimizer.apply([gradient], [variable])
        touched = np.isin(np.arange(4), ROWS)[:, None] if lazy and sparse else np.ones((4, 1), bool)
        x = formula(x, summed(), slots, t, touched)
        np.testing.assert_allclose(variable.numpy(), x, rtol=2e-5, atol=1e-6)


def test_a_batch_of_many_rows_gives_the_bits_of_one_of_few(monkeypatch):
    """Rows without a gradient stay as they are, also with an accumulator that is nothing yet."""
    rng = np.random.default_rng(0)
    ids, values = rng.integers(0, 30, 25), rng.normal(size=(25, 8)).astype(np.float32)
    start = rng.normal(size=(40, 8)).astype(np.float32)
    found = {}
    for share, accumulator in ((0, 1e-8), (2, 1e-8), (0, 0.0), (2, 0.0)):
        monkeypatch.setattr(optimizers, "DENSE_SHARE", share)
        variable = tf.Variable(start, name="x")
        optimizer = optimizers.Adagrad(0.5, accumulator)
        optimizer.build([variable])
        for _ in range(2):
            optimizer.apply([tf.IndexedSlices(tf.constant(values), tf.constant(ids))], [variable])
        found[share, accumulator] = variable.numpy()
        np.testing.assert_array_equal(variable.numpy()[30:], start[30:])
    np.testing.assert_array_equal(found[0, 1e-8], found[2, 1e-8])
    np.testing.assert_array_equal(found[0, 0.0], found[2, 0.0])


def test_none_gradients_are_left_alone():
    optimizer = build_optimizer({"name": "adagrad", "learning_rate": 0.5, "initial_accumulator": 0.1})
    variable = tf.Variable([1.0], name="x")
    optimizer.build([variable])
    optimizer.apply([None], [variable])
    assert variable.numpy() == [1.0]


def test_unknown_optimizer():
    with pytest.raises(UserError, match="Did you mean 'adam'"):
        build_optimizer({"name": "adma", "learning_rate": 1.0})


def test_adagrad_sums_a_row_that_comes_twice_before_it_squares():
    """Golden: gradients 3 and 1 of one row, from x = 6 with rate 0.5 and accumulator 0. Their sum moves x by 0.5 to 5.5,
    whatever its size; squared apart, as Keras does, they move it further (5.3 or so)."""
    optimizer = build_optimizer({"name": "adagrad", "learning_rate": 0.5, "initial_accumulator": 0.0})
    variable = tf.Variable([[6.0], [2.0]], name="x")
    optimizer.build([variable])
    optimizer.apply([tf.IndexedSlices(tf.constant([[3.0], [1.0]]), tf.constant([0, 0]))], [variable])
    assert variable.numpy().tolist() == [[5.5], [2.0]]
    assert optimizer.slots["x/accumulator"].numpy().tolist() == [[16.0], [0.0]]
