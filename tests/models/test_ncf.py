"""NeuMF and its MLP against the network written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.ncf import NeuralCF

N_USERS, N_ITEMS = 9, 13
CONFIG = {"name": "ncf", "embedding_size": 3, "layer_widths": [8, 6, 4, 2], "init": "normal", "init_scale": 0.7}


def model_of(**config) -> NeuralCF:
    data = Dataset("tiny", N_USERS, N_ITEMS, "buy", {"buy": CSR.from_pairs([0], [0], N_USERS, N_ITEMS)})
    model = NeuralCF(OmegaConf.create({**CONFIG, **config}), data, seed=1)
    for n, variable in enumerate([*model.biases, model.output_bias]):  # zeros would hide them
        variable.assign(tf.random.stateless_normal(variable.shape, [n, 7]))
    return model


def network(model: NeuralCF, u: int, v: int) -> float:
    """He et al. 2017, eq. 12 for one pair, on the concatenated vectors."""
    w = {name: variable.numpy() for name, variable in model.state().items()}
    x = np.concatenate([w["user_deep"][u], w["item_deep"][v]])
    for n in (1, 2, 3):
        x = np.maximum(x @ w[f"kernel_{n}"] + w[f"bias_{n}"], 0)
    if "user_product" in w:
        x = np.concatenate([w["user_product"][u] * w["item_product"][v], x])
    return (x @ w["output"] + w["output_bias"]).item()


@pytest.mark.parametrize("size", [3, None], ids=["ncf", "mlp"])
def test_score_and_scorer_equal_the_network(size):
    model = model_of(embedding_size=size)
    expected = np.array([[network(model, u, v) for v in range(N_ITEMS)] for u in range(N_USERS)])
    users = np.arange(N_USERS, dtype=np.int32)
    items = np.tile(np.arange(N_ITEMS, dtype=np.int32), (N_USERS, 1))
    np.testing.assert_allclose(model.score(0, None, users, items), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.scorer()(users), expected, rtol=1e-5, atol=1e-6)


def test_the_scores_of_a_user_are_the_same_bytes_in_any_block():
    scorer = model_of().scorer()
    whole = scorer(tf.range(N_USERS)).numpy()
    for users in ([0], [8, 2], [5, 5, 5], [*range(N_USERS)][::-1]):
        assert scorer(tf.constant(users)).numpy().tobytes() == whole[users].tobytes()


def test_penalty_counts_each_time_that_an_id_comes():
    model = model_of()
    w = {name: variable.numpy() for name, variable in model.state().items()}
    users, items = [2, 2], [[0, 1], [5, 0]]
    chosen = {"user_deep": users, "user_product": users, "item_deep": items, "item_product": items}
    expected = sum((w[name][ids] ** 2).sum() for name, ids in chosen.items()) / 2
    penalty = model.penalty(0, None, tf.constant(users), tf.constant(items))
    np.testing.assert_allclose(penalty, expected, rtol=1e-6)


def test_initial_values():
    """Embeddings normal(0, init_scale), Glorot uniform layers, LeCun uniform output, zero biases."""
    wide = {"embedding_size": 400, "layer_widths": [600, 200, 100], "init_scale": 0.01}
    config = OmegaConf.create({**CONFIG, **wide})
    data = Dataset("tiny", 300, 300, "buy", {"buy": CSR.from_pairs([0], [0], 300, 300)})
    w = {name: variable.numpy() for name, variable in NeuralCF(config, data, seed=0).state().items()}
    for name in ("user_deep", "item_deep", "user_product", "item_product"):
        assert abs(w[name].std() / 0.01 - 1) < 0.02
    for name, bound in (("kernel_1", (6 / 800) ** 0.5), ("output", (3 / 500) ** 0.5)):
        assert 0.98 * bound < np.abs(w[name]).max() <= bound
    assert not any(w[name].any() for name in ("bias_1", "bias_2", "output_bias"))


@pytest.mark.parametrize("widths", [[7, 4], [8]])
def test_impossible_widths_are_refused(widths):
    with pytest.raises(UserError, match=r"model\.layer_widths=.* such as \[64,32,16,8\]"):
        model_of(layer_widths=widths)
