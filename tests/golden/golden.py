"""Reads the golden files; see README.md in this folder for their source and format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.base import Phase
from recsys_cli.models.base import TrainableModel

HERE = Path(__file__).parent


def golden(name: str) -> tuple[dict[str, np.ndarray], dict]:
    """All arrays of a golden file, and its hyper-parameters."""
    with np.load(HERE / f"{name}.npz", allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    return arrays, json.loads(str(arrays["hyper_json"]))


def dataset_of(pairs: np.ndarray, n_users: int, n_items: int) -> Dataset:
    train = CSR.from_pairs(pairs[:, 0], pairs[:, 1], n_users, n_items)
    return Dataset("golden", n_users, n_items, "buy", {"buy": train})


def close(actual, expected, name: str, rtol: float, atol: float) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.squeeze(expected), rtol=rtol, atol=atol, err_msg=name)


def check_gradients(model: TrainableModel, phase: Phase, arrays: dict[str, np.ndarray]) -> None:
    """Those of the first batch, by the parameters as they are: the initial ones, where the phase is a replayed one."""
    plan = phase.plan(0)
    with tf.GradientTape() as tape:
        batches = {key: tf.constant(array) for key, array in plan.arrays.items()}
        loss = phase.loss(batches, tf.constant(0), tf.constant([0, 0]))
    found = model.state()
    for name, gradient in zip(found, tape.gradient(loss, list(found.values()))):
        close(tf.squeeze(tf.convert_to_tensor(gradient)), arrays[f"grad1/{name}"], f"gradient of {name}", 1e-4, 1e-5)
