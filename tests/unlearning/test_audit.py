"""The membership test sees a planted memory, sees none where there is none, and says when it has no power."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.audit import Subject, audit, verdict

N_USERS, N_ITEMS = 40, 30
RANDOM = np.random.default_rng(0)
LIKES = RANDOM.random((N_USERS, N_ITEMS)) < 0.3
NOISE = RANDOM.random((N_USERS, N_ITEMS))


@pytest.fixture
def data() -> Dataset:
    pairs = CSR.from_pairs(*np.nonzero(LIKES), N_USERS, N_ITEMS)
    return Dataset("tiny", N_USERS, N_ITEMS, "buy", {"buy": pairs})


def subject(scores: np.ndarray, users=None, items=None) -> Subject:
    users = np.arange(N_USERS) if users is None else users
    items = np.arange(N_ITEMS) if items is None else items
    return Subject(lambda ids: scores[np.ix_(users, items)][np.asarray(ids)], users, items)


def test_memory_is_seen_and_its_absence_too(data):
    keys = data.target_train.keys[::3]
    found = audit(
        data,
        keys,
        {"before": subject(NOISE + LIKES), "after": subject(NOISE), "retrained": subject(NOISE)},
        seed=0,
    )
    assert found["before"].mean == 1.0
    assert found["after"] == found["retrained"] and found["after"].low < 0.5 < found["after"].high
    assert "has power" in verdict(found)


def test_power_is_seen_on_models_of_one_make(data):
    """Another make of model may be nearer to or farther from the pairs without having known them."""
    keys, knew, other = data.target_train.keys, subject(NOISE + 0.3 * LIKES), subject(NOISE - LIKES)
    without_effect = audit(data, keys, {"before": knew, "after": knew, "retrained": other}, seed=0)
    assert without_effect["before - retrained"].low > 0 and "no power" in verdict(without_effect)
    seen = audit(data, keys, {"before": knew, "after": subject(NOISE), "retrained": subject(NOISE + LIKES)}, seed=0)
    assert seen["before - retrained"].high < 0 and "has power" in verdict(seen)


def test_the_auc_is_the_share_of_pairs_in_the_right_order(data):
    """Against every never-seen item of the user, weighted by popularity: the drawn ones agree on average."""
    keys = data.target_train.keys
    popularity = LIKES.sum(axis=0)
    shares = []
    for u, v in zip(*np.nonzero(LIKES)):
        never = np.flatnonzero(~LIKES[u])
        shares.append(np.average(NOISE[u, v] > NOISE[u, never], weights=popularity[never]))
    found = audit(data, keys, {"before": subject(NOISE), "retrained": subject(NOISE)}, seed=0)
    assert found["before"].mean == pytest.approx(np.mean(shares), abs=0.02)
    assert found["before"].low < found["before"].mean < found["before"].high


def test_ties_count_half_and_popularity_is_no_memory(data):
    popular = np.broadcast_to(LIKES.sum(axis=0).astype(float), LIKES.shape)
    subjects = {
        "before": subject(np.zeros_like(NOISE)),
        "after": subject(popular),
        "retrained": subject(popular),
    }
    found = audit(data, data.target_train.keys, subjects, seed=0)
    assert found["before"].mean == 0.5
    assert found["after"].mean == pytest.approx(0.5, abs=0.06)
    assert "no power" in verdict(found)


def test_models_with_fewer_ids(data):
    """A model that no longer knows user 3 and item 5 is asked under its own ids, about what is left."""
    users, items = np.delete(np.arange(N_USERS), 3), np.delete(np.arange(N_ITEMS), 5)
    whole, part = subject(NOISE), subject(NOISE, users, items)
    found = audit(data, data.target_train.keys, {"before": whole, "after": part, "retrained": part}, seed=0)
    assert found["before"] == found["after"]
    gone = data.target_train.keys[data.target_train.rows == 3]
    nothing = audit(data, gone, {"before": whole, "after": part, "retrained": part}, seed=0)
    assert nothing == {} and "nothing to test" in verdict(nothing)
