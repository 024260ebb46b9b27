"""Factorisation machines against the sum over all pairs of values, written down slowly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.features import Features
from recsys_cli.models.ensfm import FactorizationMachine
from recsys_cli.models.fields import fields_of
from tests.losses.toys import M, N, arrays_of, dataset, epoch, squared_error
from tests.models.features import featured, values_of

NULL = FactorizationMachine.Settings(name="toy")
SETTINGS = {"name": "toy", "embedding_size": 3, "init": "normal", "init_scale": 0.6}


def model_of(data, **settings):
    config = FactorizationMachine.Settings(**{**SETTINGS, **settings})
    model = FactorizationMachine(config, data, seed=1)
    for name in ("h1", "h2", "global_bias"):
        if name in model.state():
            v = model.state()[name]
            v.assign(np.random.default_rng(len(name)).normal(0.5, 1, v.shape))
    return model


def by_pairs_of_values(model, data, inside: str) -> np.ndarray:
    """Eq. 5.5 by its definition: sums over all pairs of different values of a user and an item."""
    arrays = arrays_of(model)
    x = [values_of(fields_of(data, side, NULL)) for side in ("user", "item")]
    e = [arrays[f"{side}_features"] for side in ("user", "item")]
    w = [arrays[f"{side}_linear"][:, 0] for side in ("user", "item")]
    h2 = arrays.get("h2", np.ones(e[0].shape[1]))
    h1 = {"own": arrays.get("h1"), "same": h2, "none": 0 * h2}[inside]
    scores = np.zeros((data.n_users, data.n_items))
    for u in range(data.n_users):
        for v in range(data.n_items):
            terms = [(side, f, x[side][row, f]) for side, row in ((0, u), (1, v)) for f in np.flatnonzero(x[side][row])]
            score = arrays.get("global_bias", 0.0) + sum(w[side][f] * number for side, f, number in terms)
            for place, (side, f, number) in enumerate(terms):
                for other, g, its in terms[:place]:
                    h = h1 if side == other else h2
                    score += number * its * (h @ (e[side][f] * e[other][g]))
            scores[u, v] = score
    return scores


PRESETS = [("own", 0.3, True), ("same", 0.3, True), ("same", None, False), ("none", None, True)]


@pytest.mark.parametrize("inside, start, bias", PRESETS)
def test_scores_are_sums_over_pairs_of_values(inside, start, bias):
    data = featured()
    model = model_of(data, inside=inside, prediction_vector=start, global_bias=bias)
    expected = by_pairs_of_values(model, data, inside)
    np.testing.assert_allclose(model.scorer()(tf.range(M)), expected, atol=2e-5)
    users, items = tf.constant([3, 0, 12]), tf.constant([[1, 8], [8, 8], [0, 5]])
    found = model.score(0, model.encode(), users, items)
    np.testing.assert_allclose(found, expected[users.numpy()[:, None], items.numpy()], atol=2e-5)


@pytest.mark.parametrize("batch", ["users", "items"])
def test_the_loss_over_all_pairs_is_their_sum(batch):
    data = featured()
    model = model_of(data, inside="own", prediction_vector=0.3, global_bias=True)
    expected = squared_error(model.tasks[0], by_pairs_of_values(model, data, "own"), 0.3)
    assert epoch(model, batch=batch) == pytest.approx(expected, rel=1e-4)


def test_dropout_of_a_pair_is_its_own_and_right_on_average():
    model = model_of(featured(), dropout=0.4)
    users, items = tf.constant([2] * 400), tf.constant([[3, 3]] * 400)
    found = model.score(0, model.encode(), users, items, tf.constant([1, 2])).numpy()
    assert len(np.unique(found.round(4))) > 4
    assert found.mean() == pytest.approx(float(model.scorer()(tf.constant([2]))[0, 3]), abs=float(0.3 * found.std()))


def test_a_step_over_all_pairs_drops_the_same_of_all():
    model = model_of(featured(), dropout=0.5, inside="own", prediction_vector=0.3)
    h = model.prediction_vector(0, model.encode(tf.constant([1, 2]))).numpy()
    whole = model.prediction_vector(0, model.encode()).numpy()
    assert set((h[:3] / whole[:3]).round(3)) <= {0.0, 2.0} and (h[3:] == 1).all()


def test_without_fields_there_are_ids():
    model = model_of(dataset())
    assert {name: v.shape[0] for name, v in model.state().items()} == {
        "user_features": M, "user_linear": M, "item_features": N, "item_linear": N
    }  # fmt: skip
    with pytest.raises(UserError, match="model.ids=false: data=toy has no fields of users"):
        model_of(dataset(), ids=False)


def test_ids_are_a_field_where_none_has_their_name():
    data = featured()
    contexts = replace(data, user_features=Features.of_codes({"user": np.arange(M) % 4, "hour": np.arange(M) % 3}))
    assert fields_of(data, "user", NULL).names == ("user", "kind", "size", "tags")
    assert fields_of(contexts, "user", NULL).names == ("user", "hour")
    assert fields_of(contexts, "user", replace(NULL, ids=True)).names == ("id", "user", "hour")
    assert fields_of(data, "user", replace(NULL, ids=False)).names == ("kind", "size", "tags")


def test_fields_may_be_left_out():
    data = featured()
    whole, part = data.item_features, fields_of(data, "item", replace(NULL, ids=False, item_fields=["kind", "tags"]))
    assert part.names == ("kind", "tags") and part.n_values == 9
    kept = whole.fields != whole.names.index("size")
    np.testing.assert_array_equal(values_of(part), values_of(whole)[:, kept])
    with pytest.raises(UserError, match="no field 'kid' of items; there are kind, size, tags. Did you mean 'kind'"):
        fields_of(data, "item", replace(NULL, item_fields=["kid"]))


def test_numbers_are_of_one_size_whatever_their_unit():
    features = fields_of(featured(), "item", NULL)
    numbers = features.values[features.fields[features.indices] == features.names.index("size")]
    assert numbers.mean() == pytest.approx(0, abs=1e-5) and numbers.std() == pytest.approx(1, abs=1e-5)
