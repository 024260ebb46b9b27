"""NFM and DeepFM against their networks written out in NumPy, one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.models.deepfm import DeepFM
from recsys_cli.models.fields import fields_of
from recsys_cli.models.nfm import NFM
from tests.losses.toys import M, N, arrays_of
from tests.models.features import featured, values_of

SETTINGS = {"name": "toy", "embedding_size": 3, "init": "normal", "init_scale": 0.7, "layer_widths": [6, 4]}


def model_of(cls):
    model = cls(cls.Settings(**SETTINGS), featured(), seed=1)
    for n, variable in enumerate(model.layers.biases):  # zeros would hide them
        variable.assign(tf.random.stateless_normal(variable.shape, [n, 7]))
    return model


def layers(arrays, x):
    for n in (1, 2):
        x = np.maximum(x @ arrays[f"kernel_{n}"] + arrays[f"bias_{n}"], 0)
    return x


def nfm(a, data, u, v):
    x = [values_of(fields_of(data, side, NFM.Settings(**SETTINGS)))[row] for side, row in (("user", u), ("item", v))]
    rows = np.concatenate([x[0][:, None] * a["user_features"], x[1][:, None] * a["item_features"]])
    interactions = 0.5 * (rows.sum(0) ** 2 - (rows**2).sum(0))
    linear = x[0] @ a["user_linear"] + x[1] @ a["item_linear"]
    return (layers(a, interactions) @ a["h"] + linear).item()


def deepfm(a, data, u, v):
    first, deep, rows = [], [], []
    for side, row in (("user", u), ("item", v)):
        features = fields_of(data, side, NFM.Settings(**SETTINGS))
        x = values_of(features)[row]
        for k in range(len(features.names)):
            here = features.fields == k
            first.append(x[here] @ a[f"{side}_linear"][here, 0])
            rows.append(x[here, None] * a[f"{side}_features"][here])
            deep.append(rows[-1].sum(0))
    rows = np.concatenate(rows)
    interactions = 0.5 * (rows.sum(0) ** 2 - (rows**2).sum(0))
    output = [a[f"output_{name}"][:, 0] for name in ("first_user", "first_item", "second", "deep")]
    joined = np.concatenate([first, interactions, layers(a, np.concatenate(deep))])
    return joined @ np.concatenate(output) + a["output_bias"]


@pytest.mark.parametrize("cls, network", [(NFM, nfm), (DeepFM, deepfm)])
def test_scores_are_those_of_the_network(cls, network):
    model, data = model_of(cls), featured()
    arrays = arrays_of(model)
    expected = np.array([[network(arrays, data, u, v) for v in range(N)] for u in range(M)])
    np.testing.assert_allclose(model.scorer()(tf.range(M)), expected, rtol=1e-4, atol=2e-5)
    items = np.tile(np.arange(N, dtype=np.int32), (M, 1))
    np.testing.assert_allclose(model.score(0, model.encode(), tf.range(M), items), expected, rtol=1e-4, atol=2e-5)
