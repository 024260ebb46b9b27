"""What was touched and not bought comes first, by behaviour, and the rest as another model has it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.models.auxiliary_first import AuxiliaryFirst
from recsys_cli.models.popularity import Popularity
from tests.tiny import dataset

N_USERS, N_ITEMS = 30, 17
ALL = np.arange(N_USERS, dtype=np.int32)


def behaviours():
    """Most users with views and carts, some with neither; carts and views overlap, and hold bought items."""
    random = np.random.default_rng(3)
    view, cart, buy = (random.random((N_USERS, N_ITEMS)) < p for p in (0.4, 0.25, 0.2))
    view[4] = cart[4] = cart[5] = buy[6] = False
    return dataset(view=view, cart=cart, buy=buy), view, cart, buy


def scores_of(order: str = "nearest", then: tf.Tensor | None = None) -> np.ndarray:
    data, *_ = behaviours()
    model = AuxiliaryFirst(AuxiliaryFirst.Settings(name="auxiliary_first", order=order), data, 0)
    if then is not None:
        other = Popularity(Popularity.Settings(name="other"), data, 0)
        other.scorer = lambda: lambda users: tf.gather(then, users)
        model.order_by(other)
    model.run_step(0)
    return model.scorer()(ALL).numpy()


def expected(then: np.ndarray, order: str = "nearest") -> list[list[int]]:
    """Items that were not bought, by the behaviours of the user, then by the score of `then`, then by id."""
    _, view, cart, buy = behaviours()

    def behaviours_of(u: int, v: int) -> tuple[int, int]:
        return (cart[u, v], view[u, v]) if order == "nearest" else (int(cart[u, v]) + int(view[u, v]), 0)

    def place(u: int, v: int) -> tuple:
        first, second = behaviours_of(u, v)
        return -int(first), -int(second), -then[u, v], v

    return [sorted(np.flatnonzero(~buy[u]), key=lambda v: place(u, v)) for u in range(N_USERS)]


def order_of(scores: np.ndarray) -> list[list[int]]:
    _, _, _, buy = behaviours()
    return [[v for v in np.argsort(-s, kind="stable") if not buy[u, v]] for u, s in enumerate(scores)]


@pytest.mark.parametrize("order", ["nearest", "most"])
def test_what_was_touched_comes_before_the_rest_and_all_by_popularity(order):
    _, _, _, buy = behaviours()
    assert order_of(scores_of(order)) == expected(np.tile(buy.sum(axis=0), (N_USERS, 1)), order)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_another_model_orders_what_the_behaviours_do_not(scale):
    then = (np.random.default_rng(1).normal(size=(N_USERS, N_ITEMS)) * scale).astype(np.float32)
    then[2], then[7, 3] = 0, np.float32(scale * 50)  # nothing to tell, and one far above the others
    assert order_of(scores_of(then=tf.constant(then))) == expected(then)


def test_one_behaviour_is_refused():
    with pytest.raises(UserError, match="no behaviour besides the target 'buy'"):
        AuxiliaryFirst(AuxiliaryFirst.Settings(), dataset(buy=np.ones((3, 3), bool)), 0)
