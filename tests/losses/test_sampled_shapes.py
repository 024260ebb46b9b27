"""Sampled losses over tasks of different shapes, by hand from the pairs that a plan has drawn."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.losses import build_phases
from recsys_cli.losses.sampled import SampledSettings
from tests.losses.test_toys import attentive


def test_a_joint_step_over_items_and_friends():
    model = attentive(mu=0.5)
    (phase,) = build_phases(SampledSettings(negatives=2, reduction="sum"), model, 8, seed=0)
    plan = phase.plan(0)
    arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
    found = sum(float(phase.loss(arrays, tf.constant(s), tf.constant([1, s]))) for s in range(plan.n_steps))
    expected = 0.0
    for t, task in enumerate(model.tasks):
        users, items = plan.arrays[f"{task.name}/users"], plan.arrays[f"{task.name}/items"]
        assert sorted(zip(users, items[:, 0])) == sorted(zip(task.pairs.rows, task.pairs.indices))
        assert not task.pairs.contains(np.repeat(users, 2), items[:, 1:].ravel()).any()
        p, q = model.user_vectors(t, None).numpy() * model.heads[t].numpy(), model.item_vectors(t, None).numpy()
        scores = np.einsum("bd,bmd->bm", p[users], q[items])
        expected += task.weight * np.logaddexp(0, scores[:, 1:] - scores[:, :1]).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-5)
