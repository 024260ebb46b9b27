"""How multi-channel BPR draws its pairs."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses import build_phases
from recsys_cli.models.ehcf import EHCF
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.models.mc_bpr import MultiChannelBPR

N_ITEMS = 12
# User 0: buys 0, carts 0-2, views 0-6. User 1: buys 3, carts nothing, views 3. User 2: carts 5, views 6, 7.
PAIRS = {
    "view": [(0, i) for i in range(7)] + [(1, 3), (2, 6), (2, 7)],
    "cart": [(0, 0), (0, 1), (0, 2), (2, 5)],
    "buy": [(0, 0), (1, 3)],
}
CONFIG = {
    "name": "multi_channel_bpr",
    "scope": "sampled",
    "unobserved": 0.25,
    "positives": "each",
    "negatives": 1,
    "popularity": None,
    "reduction": "mean",
    "l2": 0.0,
}
MODEL = {"name": "mc_bpr", "embedding_size": 3, "dropout": 0.0, "init": "normal", "init_scale": 0.1}


def data() -> Dataset:
    return Dataset(
        "tiny",
        3,
        N_ITEMS,
        "buy",
        {name: CSR.from_pairs(*np.transpose(pairs), 3, N_ITEMS) for name, pairs in PAIRS.items()},
    )


def draws(epochs: int = 1500, **settings) -> np.ndarray:
    """User, positive and negative of every pair of many epochs."""
    model = MultiChannelBPR(OmegaConf.create(MODEL), data(), seed=0)
    (phase,) = build_phases(OmegaConf.create({**CONFIG, **settings}), model, 4, seed=0)
    plans = [phase.plan(epoch).arrays for epoch in range(epochs)]
    return np.concatenate([np.column_stack([plan["users"], plan["items"]]) for plan in plans])


def level(user: int, item: int) -> int:
    """3 buy, 2 cart, 1 view, 0 unobserved."""
    return max([k for k, pairs in enumerate(PAIRS.values(), 1) if (user, item) in pairs], default=0)


def test_each_pair_of_each_behaviour_once_against_a_lower_level():
    drawn = draws(epochs=50)
    observed = sorted(pair for pairs in PAIRS.values() for pair in pairs)
    assert sorted(map(tuple, drawn[:, :2])) == sorted(observed * 50)
    assert all(level(user, negative) < level(user, positive) for user, positive, negative in drawn)


def test_levels_are_drawn_by_size_and_weight():
    drawn = draws()
    of_user_0 = drawn[(drawn[:, 0] == 0) & (drawn[:, 1] == 0)]
    found = np.array([level(0, negative) for negative in of_user_0[:, 2]])
    # Item 0 is a positive in three channels. Lower levels hold 2 cart items (weight 1/2) and 4 view items
    # (weight 1/4).
    third = 1 / 3
    by_buy, by_cart, by_view = [0.25, 0.75 / 2, 0.75 / 2], [0.25, 0.75, 0.0], [1.0, 0.0, 0.0]
    expected = third * np.sum([by_buy, by_cart, by_view], axis=0)
    np.testing.assert_allclose(np.bincount(found, minlength=3) / len(found), expected, atol=0.02)
    carts = of_user_0[found == 2][:, 2]
    np.testing.assert_allclose(np.bincount(carts, minlength=3)[1:] / len(carts), [0.5, 0.5], atol=0.03)


def test_a_user_without_lower_levels_gets_an_unobserved_negative():
    drawn = draws(epochs=200, unobserved=0.0)
    of_user_1 = drawn[drawn[:, 0] == 1]
    assert 3 not in of_user_1[:, 2] and len(np.unique(of_user_1[:, 2])) == N_ITEMS - 1


def test_weighted_positives_favour_the_target():
    drawn = draws(positives="weighted")
    share = 4 * 2 / (10 * 1 + 4 * 2 + 2 * 4)  # size x weight of the buys
    pair = ((drawn[:, 0] == 1) & (drawn[:, 1] == 3)).mean()  # a view and a buy
    np.testing.assert_allclose(pair, share / 2 + (10 / 26) / 10, atol=0.01)


def test_a_target_without_weight_is_refused():
    config = {
        **MODEL,
        "name": "ehcf",
        "causal": "none",
        "joint": True,
        "transfer_l2": 0.0,
        "task_weights": {"view": 1, "cart": 1, "buy": 0},
    }
    with pytest.raises(UserError, match="the target 'buy', to which model.task_weights gives 0"):
        build_phases(OmegaConf.create(CONFIG), EHCF(OmegaConf.create(config), data(), seed=0), 4, seed=0)


def test_a_model_of_one_behaviour_is_refused():
    config = {**MODEL, "prediction_vector": None, "item_bias": False}
    model = MatrixFactorization(OmegaConf.create(config), data(), seed=0)
    with pytest.raises(UserError, match="sees only 'buy'"):
        build_phases(OmegaConf.create(CONFIG), model, 4, seed=0)


def test_tasks_of_other_shapes_are_refused():
    model = MultiChannelBPR(OmegaConf.create(MODEL), data(), seed=0)
    friends = CSR.from_pairs([0, 1], [1, 2], 3, 3)
    model.tasks = (*model.tasks, model.tasks[0]._replace(name="friends", pairs=friends, group="friends"))
    with pytest.raises(UserError, match="'friends' 3 x 3: take loss=bpr"):
        build_phases(OmegaConf.create(CONFIG), model, 4, seed=0)
