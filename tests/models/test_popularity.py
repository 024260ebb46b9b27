"""Popularity counts the users of an item in the target behaviour, for everyone alike."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from omegaconf import OmegaConf

from recsys_cli.models.popularity import Popularity
from recsys_cli.training.learner import SolverLearner
from tests.tiny import dataset


def test_scores_are_the_counts_of_the_target_behaviour():
    buy = np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 1, 0]])
    model = Popularity(OmegaConf.create({"name": "popularity"}), dataset(view=1 - buy, buy=buy), seed=0)
    learner = SolverLearner(model)
    assert learner.run(0, learner.begin(0), 0.0) == 0.0
    np.testing.assert_array_equal(model.scorer()(tf.constant([2, 0])), [[3, 0, 2, 0], [3, 0, 2, 0]])
