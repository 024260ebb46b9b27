"""GraphEraser as its authors have it: label propagation that stays balanced, weights learnt from posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.training.learner import SolverLearner
from recsys_cli.unlearning.aggregation import build_aggregation
from recsys_cli.unlearning.posteriors import learnt, loss
from recsys_cli.unlearning.propagation import _granted, capacity, propagated_shards
from recsys_cli.unlearning.tables import stack


def communities(n: int = 40) -> CSR:
    """Users and items of the first half choose each other, and so do those of the second; a few pairs go across."""
    random = np.random.default_rng(0)
    x = random.random((n, n)) < 0.02
    half = n // 2
    x[:half, :half] |= random.random((half, half)) < 0.4
    x[half:, half:] |= random.random((half, half)) < 0.4
    return CSR.from_pairs(*np.nonzero(x), n, n)


def test_label_propagation_finds_communities_and_stays_balanced():
    pairs = communities()
    shard = propagated_shards(pairs, 2, 100, np.random.default_rng(0))
    same = (shard[:20, None] == shard[None, :20]).mean(), (shard[:20, None] == shard[None, 20:]).mean()
    assert same[0] > 0.8 and same[1] < 0.2
    assert (shard == propagated_shards(pairs, 2, 100, np.random.default_rng(0))).all()
    assert (np.bincount(shard) <= capacity(80, 2)).all() and capacity(80, 2) == 41


def test_who_finds_no_room_follows_who_leaves():
    shard = np.array([0, 0, 1, 1])  # 2 and 3 wish to go to 0, which is full; then 0 leaves for 2
    wished = np.array([2, 0, 0, 0])
    assert _granted(shard, wished, np.array([2, 3, 0]), 2, 3) == 2
    assert shard.tolist() == [2, 0, 0, 1]


def test_the_slope_of_the_loss():
    random = np.random.default_rng(1)
    posteriors, wanted = random.dirichlet(np.ones(6), (3, 5)).astype(np.float32), random.dirichlet(np.ones(6), 5)
    weights, step = np.array([0.2, 0.5, 0.3]), 1e-2
    slope = loss(weights, posteriors, wanted)[1]
    for k in range(3):
        up, down = (loss(weights + sign * step * np.eye(3)[k], posteriors, wanted)[0] for sign in (1, -1))
        assert slope[k] == pytest.approx((up - down) / (2 * step), abs=2e-4)


def test_weights_go_to_the_sub_model_that_knows():
    random, n = np.random.default_rng(0), 64
    wanted = np.eye(8)[random.integers(8, size=n)]
    posteriors = np.stack([0.9 * wanted + 0.1 / 8, np.full((n, 8), 1 / 8)]).astype(np.float32)
    weights = learnt(posteriors, wanted, random)
    assert weights.sum() == pytest.approx(1) and weights[0] > weights[1] >= 0


def test_posteriors_are_over_the_items_of_a_sub_model():
    users, items = ([0, 1, 2], [1, 2]), ([0, 1, 3], [1, 2, 3])
    random = np.random.default_rng(0)
    tables = [
        stack(4, [np.array(o) for o in own], [random.normal(size=(len(o), 2)) for o in own]) for own in (users, items)
    ]
    data = Dataset("tiny", 4, 4, "buy", {"buy": CSR.from_pairs([0, 1, 2], [0, 1, 2], 4, 4)})
    settings = OmegaConf.create({"aggregation": "posteriors", "absent": "zeros"})
    model = build_aggregation(settings, data, 0, *tables)
    found = model.posteriors(np.arange(4, dtype=np.int32)).numpy()
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-6)
    assert (found[0, :, 2] == 0).all() and (found[1, :, 0] == 0).all()
    learner = SolverLearner(model)
    learner.run(0, learner.begin(0), 0.0)
    weights = model.weights.numpy()
    np.testing.assert_allclose(model.scorer()(np.arange(4, dtype=np.int32)), np.tensordot(weights, found, 1), atol=1e-6)
    assert weights.sum() == pytest.approx(1, abs=1e-6)
