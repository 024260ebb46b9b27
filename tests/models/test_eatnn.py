"""EATNN against its formula, user by user in float64, and what its settings make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.whole_data import whole_data_phases
from recsys_cli.models.eatnn import EATNN
from tests.losses.toys import WHOLE_DATA, M, N, arrays_of, dataset, epoch, observed, settings, squared_error

PENALTIES = {"merged_l2": 0.03, "item_attention_l2": 0.2, "social_attention_l2": 0.05}
NO_PENALTIES = dict.fromkeys(PENALTIES, 0.0)


def with_friends() -> Dataset:
    return dataset(friends=observed(M, M, 1))


def eatnn(data: Dataset | None = None, **config) -> EATNN:
    usual = {"name": "eatnn", "embedding_size": 4, "attention_size": 3, "dropout": 0.0, "init": "normal"}
    model = EATNN(EATNN.Settings(**{**usual, "init_scale": 0.6, **NO_PENALTIES, **config}), data or with_friends(), 3)
    for variable in model.variables:  # constants at first
        if variable.name.startswith(("h_", "attention")):
            variable.assign(0.5 * np.random.default_rng(len(variable.name)).normal(size=variable.shape))
    return model


def merged(model: EATNN, domain: str) -> np.ndarray:
    """p_u of eq. 4.3."""
    v, vectors = arrays_of(model), []
    kernel, shift, head = (v[f"attention_{domain}_{part}"] for part in "Wbh")
    for common, own in zip(v["user_embedding_common"], v[f"user_embedding_{domain}"]):
        weights = np.exp([np.maximum(x @ kernel + shift, 0) @ head[:, 0] for x in (common, own)])
        vectors.append((weights[0] * common + weights[1] * own) / weights.sum())
    return np.array(vectors)


@pytest.mark.parametrize("batch", ["users", "items"])
def test_both_tasks_are_the_weighted_errors_over_all_pairs(batch):
    model = eatnn(social_weight=0.7)
    v, weights = arrays_of(model), {"buy": 0.3, "friends": 0.05}
    parts = zip(model.tasks, ("item", "social"), ("item_embedding", "friend_embedding"))
    scores = [(merged(model, domain) * v[f"h_{domain}"]) @ v[table].T for _, domain, table in parts]
    expected = sum(squared_error(task, s, weights[task.name]) for task, s in zip(model.tasks, scores))
    np.testing.assert_allclose(epoch(model, batch=batch, negative_weight=weights), expected, rtol=1e-5)
    np.testing.assert_allclose(model.scorer()(tf.range(M)), scores[0], rtol=1e-4, atol=1e-6)


def test_the_released_penalties_are_of_the_sum_of_both_vectors_and_of_the_attentions():
    model = eatnn(**PENALTIES)
    v, bare = arrays_of(model), epoch(eatnn(), M)
    squares = {d: sum((v[f"attention_{d}_{part}"] ** 2).sum() for part in "Wbh") for d in ("item", "social")}
    total = ((merged(model, "item") + merged(model, "social")) ** 2).sum()
    expected = 0.5 * (0.03 * total + 0.2 * squares["item"] + 0.05 * squares["social"])
    np.testing.assert_allclose(epoch(model, M) - bare, expected, rtol=1e-4)


def test_the_penalty_of_the_thesis_is_of_all_parameters():
    model = eatnn()
    squares = sum((array**2).sum() for array in arrays_of(model).values())
    np.testing.assert_allclose(epoch(model, M, l2=0.2) - epoch(model, M), 0.1 * squares, rtol=1e-5)


def test_the_vectors_of_the_penalty_are_those_that_were_dropped_out():
    """Each domain has a mask of its own; users of both tasks are looked up once."""
    model, noise = eatnn(dropout=0.5, merged_l2=1.0), tf.constant([4, 5])
    encoded, ids = model.encode(noise), tf.range(M)
    vectors = [model.user_vectors(task, encoded, ids, noise) for task in (0, 1)]
    np.testing.assert_allclose(model.own_penalty(encoded), tf.nn.l2_loss(vectors[0] + vectors[1]), rtol=1e-6)
    zero = [v.numpy() == 0 for v in vectors]
    assert all(0.2 < z.mean() < 0.8 for z in zero) and (zero[0] != zero[1]).any()


def test_attention_is_told_as_in_table_4_7():
    model = eatnn()
    v, users = arrays_of(model), np.array([5, 1, 0])
    told = model.explain(users)["attention"]
    assert list(told) == ["user", "items", "friends", "alpha_C", "alpha_I", "beta_C", "beta_S"]
    np.testing.assert_array_equal(told["items"], model.tasks[0].pairs.row_lengths[users])
    np.testing.assert_array_equal(told["friends"], model.tasks[1].pairs.row_lengths[users])
    own, common = v["user_embedding_social"][users], v["user_embedding_common"][users]
    np.testing.assert_allclose(told["beta_S"] + told["beta_C"], 1.0)
    mixed = told["beta_S"][:, None] * own + told["beta_C"][:, None] * common
    np.testing.assert_allclose(mixed, merged(model, "social")[users], rtol=1e-5)
    only_items = eatnn(social_weight=0.0, own_share=0.25).explain(users)["attention"]
    assert list(only_items) == ["user", "items", "alpha_C", "alpha_I"] and only_items["alpha_I"].tolist() == [0.25] * 3


def test_fixed_shares():
    model = eatnn(own_share=0.25)
    v = arrays_of(model)
    expected = 0.75 * v["user_embedding_common"] + 0.25 * v["user_embedding_social"]
    np.testing.assert_allclose(model.user_vectors(1, model.encode()), expected, rtol=1e-5)
    assert not any("attention" in name for name in v)


def test_items_only_needs_no_friends():
    model = eatnn(dataset(), social_weight=0.0)
    assert [task.name for task in model.tasks] == ["buy"] and not any("social" in v.name for v in model.variables)
    with pytest.raises(UserError, match="model=eatnn learns from friends, and data=toy has none"):
        eatnn(dataset())


def test_nobody_of_a_shard_may_have_a_friend():
    nobody = CSR.from_pairs([], [], M, M)
    assert np.isfinite(epoch(eatnn(replace(dataset(), friends=nobody))))


def test_items_and_friends_have_the_same_users_in_a_step():
    (phase,) = whole_data_phases(settings(**WHOLE_DATA), eatnn(), 4, seed=0)
    assert [key for key in phase.plan(0).arrays if key.startswith("ids")] == ["ids"] and N != M
