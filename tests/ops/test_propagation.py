"""Products with sparse matrices, their gradients, dropout and determinism, against dense ones in float64."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.ops import propagation
from recsys_cli.ops.propagation import BipartiteGraph, SparseMatrix

N_USERS, N_ITEMS, SIZE = 9, 7, 4


@pytest.fixture(params=["rows", "segments"], autouse=True)
def layout(request, monkeypatch):
    """Both layouts, whatever the machine."""
    gpus = [object()] if request.param == "segments" else []
    monkeypatch.setattr(propagation.tf.config, "list_logical_devices", lambda kind: gpus)


def observed(seed: int = 0) -> np.ndarray:
    """0/1 [users, items] with isolated users and items, the last ones among them."""
    label = np.random.default_rng(seed).random((N_USERS, N_ITEMS)) < 0.4
    label[[2, -1]] = False
    label[:, [3, -1]] = False
    return label


def pairs(label: np.ndarray) -> CSR:
    return CSR.from_pairs(*np.nonzero(label), *label.shape)


def a_hat(label: np.ndarray) -> np.ndarray:
    """[users + items, users + items]"""
    a = np.block([[np.zeros((N_USERS,) * 2), label], [label.T, np.zeros((N_ITEMS,) * 2)]])
    scale = 1.0 / np.sqrt(np.maximum(a.sum(1), 1.0))
    return scale[:, None] * a * scale


def vectors(seed: int) -> tuple[np.ndarray, tf.Tensor, tf.Tensor]:
    e = np.random.default_rng(seed).normal(size=(N_USERS + N_ITEMS, SIZE))
    return e, tf.constant(e[:N_USERS]), tf.constant(e[N_USERS:])


def dense(operator, n_cols: int) -> np.ndarray:
    return operator(tf.eye(n_cols, dtype=tf.float64)).numpy()


def test_a_valued_matrix_and_its_transpose():
    m = np.random.default_rng(1).normal(size=(5, 3)) * (np.random.default_rng(2).random((5, 3)) < 0.5)
    rows, cols = np.nonzero(m)
    csr = CSR(np.searchsorted(rows, np.arange(6)).astype(np.int64), cols.astype(np.int32), 3, m[rows, cols])
    operator = SparseMatrix(csr, tf.float64).whole
    np.testing.assert_allclose(dense(operator, 3), m)
    np.testing.assert_allclose(dense(operator.T, 5), m.T)


def test_a_matrix_without_pairs_gives_zeros():
    layer = BipartiteGraph(pairs(np.zeros((3, 2), bool))).whole
    users, items = layer(tf.ones([3, SIZE]), tf.ones([2, SIZE]))
    assert users.shape == (3, SIZE) and items.shape == (2, SIZE)
    assert not np.any(users) and not np.any(items)


def test_layer_is_the_normalised_adjacency_and_isolated_nodes_give_zero():
    label, (e, users, items) = observed(), vectors(3)
    actual = np.concatenate(BipartiteGraph(pairs(label), dtype=tf.float64).whole(users, items))
    np.testing.assert_allclose(actual, a_hat(label) @ e, atol=1e-12)
    isolated = np.r_[~label.any(1), ~label.any(0)]
    assert isolated.sum() >= 4 and not actual[isolated].any()


def test_mean_of_powers():
    label, (e, users, items) = observed(), vectors(4)
    expected = sum(np.linalg.matrix_power(a_hat(label), k) @ e for k in range(4)) / 4
    layer = BipartiteGraph(pairs(label), dtype=tf.float64).whole
    np.testing.assert_allclose(np.concatenate(layer.mean_of_powers(users, items, 3)), expected, atol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.5])
@pytest.mark.parametrize("powers", [False, True])
def test_gradients_agree_with_finite_differences(rate, powers):
    """With dropout the matrix is not symmetric, so that its transpose matters."""
    layer = BipartiteGraph(pairs(observed()), rate, tf.float64).layer(tf.constant([1, 2]), purpose="a")
    e, *_ = vectors(5)
    g, *_ = vectors(6)

    def value(e):
        users, items = e[:N_USERS], e[N_USERS:]
        for _ in range(1 if powers else 2):
            users, items = layer.mean_of_powers(users, items, 3) if powers else layer(users, items)
            users, items = tf.tanh(users), tf.tanh(items)
        return tf.reduce_sum(g * tf.concat([users, items], axis=0))

    with tf.GradientTape() as tape:
        x = tf.constant(e)
        tape.watch(x)
        gradient = tape.gradient(value(x), x).numpy()
    differences = np.zeros_like(e)
    for place in np.ndindex(*e.shape):
        step = np.zeros_like(e)
        step[place] = 1e-6
        differences[place] = float(value(tf.constant(e + step)) - value(tf.constant(e - step))) / 2e-6
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)


def test_gradients_of_some_rows_only():
    """Losses gather the users of a batch: their gradient arrives with an index."""
    label, (_, users, items) = observed(), vectors(7)
    layer = BipartiteGraph(pairs(label), dtype=tf.float64).whole
    with tf.GradientTape() as tape:
        tape.watch(items)
        batch = tf.gather(layer.mean_of_powers(users, items, 2)[0], [4, 4, 0])
        gradient = tape.gradient(tf.reduce_sum(batch), items)
    mean = (np.eye(N_USERS + N_ITEMS) + a_hat(label) + a_hat(label) @ a_hat(label)) / 3
    expected = np.repeat((2 * mean[4] + mean[0])[N_USERS:, None], SIZE, axis=1)
    np.testing.assert_allclose(gradient, expected, atol=1e-12)


def test_dropout_of_non_zeros():
    label, rate = np.random.default_rng(8).random((60, 50)) < 0.5, 0.3
    graph = BipartiteGraph(pairs(label), rate, tf.float64)
    full = dense(graph.whole.to_users, 50)

    def layer(*noise, purpose="a"):
        made = graph.layer(tf.constant(noise), purpose)
        return dense(made.to_users, 50), dense(made.to_items, 60), dense(made.to_users.T, 60)

    to_users, to_items, transposed = layer(1, 2)
    kept = to_users != 0
    np.testing.assert_allclose(to_users[kept], full[kept] / (1 - rate))
    assert abs(kept.sum() / label.sum() - (1 - rate)) < 0.04
    np.testing.assert_array_equal(transposed, to_users.T)
    assert 0.3 < np.mean((to_items.T != 0)[label] != kept[label]) < 0.55  # 2 * 0.3 * 0.7 where independent
    np.testing.assert_array_equal(layer(1, 2)[0], to_users)
    assert not np.array_equal(layer(1, 66)[0], to_users)
    assert not np.array_equal(layer(1, 2, purpose="b")[0], to_users)
    assert graph.layer(None, "a") is graph.whole


def test_compiled_loops_take_the_matrix_in_as_it_is():
    graph, (_, users, items) = BipartiteGraph(pairs(observed()), dtype=tf.float64), vectors(9)

    @tf.function
    def loop(users, items, n):
        for _ in tf.range(n):
            users, items = graph.layer(None, "a")(users, items)
        return users

    e = np.concatenate([users, items])
    np.testing.assert_allclose(loop(users, items, 2), (a_hat(observed()) @ a_hat(observed()) @ e)[:N_USERS])
    definition = loop.get_concrete_function(users, items, 2).graph.as_graph_def()
    operations = {node.op for function in definition.library.function for node in function.node_def}
    assert operations and "SparseTensorToCSRSparseMatrix" not in operations


def digest() -> str:
    """Of float32 products and gradients, with dropout, on a graph large enough for several threads."""
    rng = np.random.default_rng(10)
    users, items = rng.integers(0, 3000, 60_000), (2000 * rng.random(60_000) ** 2).astype(int)
    graph = BipartiteGraph(CSR.from_pairs(users, items, 3000, 2000), 0.1)
    layer = graph.layer(tf.constant([1, 2]), purpose="a")
    users, items = (tf.random.stateless_normal([n, 32], [3, 4]) for n in (3000, 2000))
    with tf.GradientTape() as tape:
        tape.watch([users, items])
        u, i = layer(*layer(users, items))
        out = [u, i, *tape.gradient(tf.reduce_sum(u * users) + tf.reduce_sum(i * items), [users, items])]
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in out)).hexdigest()


def test_every_run_gives_the_same_bytes():
    assert len({digest() for _ in range(3)}) == 1


def test_other_threads_give_the_same_bytes(request, other_threads):
    if "segments" in request.node.name:
        pytest.skip("for GPUs")
    assert other_threads(digest) == digest()


def test_values_that_are_learnt_have_a_gradient():
    """y = sum of w o tanh(M x), with respect to the values of M and to x, beside the dense product."""
    label, rng = observed(), np.random.default_rng(12)
    matrix, (rows, cols) = SparseMatrix(pairs(label), tf.float64), np.nonzero(label)
    values, x, w = (tf.Variable(rng.normal(size=s)) for s in (label.sum(), (N_ITEMS, SIZE), (N_USERS, SIZE)))

    def gradients(product):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(w * tf.tanh(product()))
        return [value, *tape.gradient(value, [values, x])]

    dense = gradients(lambda: tf.matmul(tf.scatter_nd(np.stack([rows, cols], 1), values, label.shape), x))
    for actual, expected in zip(gradients(lambda: matrix.product(values, x)), dense):
        np.testing.assert_allclose(actual, expected, rtol=1e-12)
    np.testing.assert_allclose(matrix.with_values(values)(x), matrix.product(values, x))


def test_a_compiled_loop_sees_the_values_of_a_variable_as_they_are():
    label = observed()
    matrix, values = SparseMatrix(pairs(label), tf.float64), tf.Variable(tf.ones([label.sum()], tf.float64))
    x = tf.ones([N_ITEMS, 1], tf.float64)

    @tf.function
    def doubled():
        total = tf.zeros([N_USERS, 1], tf.float64)
        for _ in tf.range(2):
            total += matrix.with_values(values)(x)
            values.assign(2.0 * values)
        return total

    np.testing.assert_allclose(doubled()[:, 0], 3.0 * label.sum(1))
    np.testing.assert_allclose(doubled()[:, 0], 12.0 * label.sum(1))
