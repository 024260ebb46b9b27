"""How often the sampled losses draw which negative."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses import build_phases
from recsys_cli.models.factorization import MatrixFactorization

N_ITEMS = 5
# Items 0 to 3 have 4, 1, 1, 1 users, item 4 none, which counts as one.
PAIRS = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 2), (2, 3)]
MODEL = {
    "name": "bpr",
    "embedding_size": 2,
    "dropout": 0.0,
    "init": "normal",
    "init_scale": 0.1,
    "prediction_vector": None,
    "item_bias": False,
}
BPR = {"name": "bpr", "scope": "sampled", "negatives": 3, "sampling": "interactions", "reduction": "mean", "l2": 0.0}


@pytest.mark.parametrize("popularity", [None, 0.5, 1.0])
def test_negatives_follow_popularity(popularity):
    data = Dataset("tiny", 5, N_ITEMS, "buy", {"buy": CSR.from_pairs(*np.transpose(PAIRS + [(4, 1)]), 5, N_ITEMS)})
    model = MatrixFactorization(OmegaConf.create(MODEL), data, seed=0)
    (phase,) = build_phases(OmegaConf.create({**BPR, "popularity": popularity}), model, 4, seed=0)
    plans = [phase.plan(epoch).arrays for epoch in range(1500)]
    negatives = np.concatenate([plan["items"][plan["users"] == 4, 1:].ravel() for plan in plans])
    share = np.array([4, 0, 1, 1, 1]) ** (popularity or 0.0) * [1, 0, 1, 1, 1]  # user 4 has chosen item 1
    drawn = np.bincount(negatives, minlength=N_ITEMS) / len(negatives)
    np.testing.assert_allclose(drawn, share / share.sum(), atol=0.03)
