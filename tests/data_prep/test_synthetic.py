from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.options import read_options
from data_prep.synthetic import generate
from tests.tiny import likeness_of_friends

DEFAULT = {
    "name": "synthetic", "source": "synthetic", "behaviours": ["view", "cart", "buy"], "target": "buy",
    "split": "leave_one_out", "users": 600, "items": 400, "interactions": 8000, "seed": 0,
}  # fmt: skip


def make(**changes):
    return generate(read_options({**DEFAULT, **changes}))


@pytest.fixture(scope="module")
def raw():
    return make()


def test_the_seed_decides(raw):
    same, other = make(), make(seed=1)
    for behaviour in raw.train:
        np.testing.assert_array_equal(raw.train[behaviour].users, same.train[behaviour].users)
        np.testing.assert_array_equal(raw.train[behaviour].items, same.train[behaviour].items)
    assert not np.array_equal(raw.train["buy"].items[:50], other.train["buy"].items[:50])


def test_buys_do_not_depend_on_the_other_behaviours(raw):
    np.testing.assert_array_equal(make(behaviours=["buy"]).train["buy"].items, raw.train["buy"].items)
    assert list(make(behaviours=["cart", "buy"]).train) == ["cart", "buy"]


def test_sizes_and_funnel(raw):
    view, cart, buy = (raw.train[behaviour] for behaviour in ("view", "cart", "buy"))
    assert abs(len(buy) - 8000) < 400 and len(view) > 1.3 * len(cart) > 1.3 * 1.3 * len(buy)
    for events in (view, cart, buy):
        assert len(np.unique(events.keys(400))) == len(events)
        assert events.users.max() < 600 and events.items.max() < 400
    for narrow, wide, share in ((buy, cart, 0.7), (cart, view, 0.9)):
        assert np.isin(narrow.keys(400), wide.keys(400)).mean() > share - 0.05
    assert np.bincount(buy.users, minlength=600).min() >= 2


def test_popularity_is_skewed(raw):
    counts = np.sort(np.bincount(raw.train["buy"].items, minlength=400))[::-1]
    assert counts[:80].sum() > 0.35 * counts.sum()


def test_friends_are_mutual_and_alike(raw):
    assert likeness_of_friends(raw, 600, 400) > 1.5


def dense(features):
    """The value of every entity in every field: all have one."""
    return features.indices.reshape(features.n_entities, -1)


def test_features_ratings_and_triples_follow_taste(raw):
    genre = dense(raw.item_features)[:, 0]
    same = genre[raw.triples[:, 0][raw.triples[:, 1] == 0]]
    np.testing.assert_array_equal(raw.triples[raw.triples[:, 1] == 0][:, 2] - 400, same)
    buy = raw.train["buy"]
    age = dense(raw.user_features)[buy.users, 0]
    table = np.zeros((age.max() + 1, genre.max() + 1))
    np.add.at(table, (age, genre[buy.items]), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    assert ((table - expected) ** 2 / expected).sum() > 10 * table.size  # chi-square far above independence
    assert set(np.unique(buy.ratings)) == {1, 2, 3, 4, 5}
    for features, n in ((raw.user_features, 600), (raw.item_features, 400)):
        ids = dense(features)
        assert ids.shape == (n, len(features.names)) and ids.max() == features.n_values - 1
        assert (features.fields[ids] == np.arange(len(features.names))).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_simple_model_beats_most_popular_by_half(seed):
    """EASE (Steck 2019) against most-popular, HR@10 of a random held-out buy."""
    buy = make(seed=seed).train["buy"]
    order = np.argsort(buy.users, kind="stable")
    held = order[np.flatnonzero(np.diff(buy.users[order], append=-1))]
    train = np.zeros((600, 400))
    train[buy.users, buy.items] = 1
    train[buy.users[held], buy.items[held]] = 0
    inverse = np.linalg.inv(train.T @ train + 100 * np.eye(400))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)

    def hit_rate(scores):
        scores = np.where(train > 0, -np.inf, scores)[buy.users[held]]
        return ((scores > scores[np.arange(len(held)), buy.items[held]][:, None]).sum(1) < 10).mean()

    assert hit_rate(train @ weights) > 1.8 * hit_rate(np.broadcast_to(train.sum(0), train.shape))


@pytest.mark.parametrize("changes", [{"items": 10}, {"interactions": 600}, {"interactions": 10**6}, {"users": 2}])
def test_impossible_sizes_are_refused(changes):
    with pytest.raises(UserError, match="at least 10 users, 40 items"):
        make(**changes)


def test_unknown_behaviour_is_refused():
    with pytest.raises(UserError, match="Did you mean 'view'"):
        make(behaviours=["views", "buy"])


def test_moments_have_genres_and_contexts_are_users(raw):
    placed = make(contexts=True)
    assert placed.n_users == 4 * raw.n_users and placed.user_ids[:5].tolist() == ["0|0", "0|1", "0|2", "0|3", "1|0"]
    assert placed.user_features.names == ("user", "age", "region", "moment")
    for behaviour, events in placed.train.items():
        np.testing.assert_array_equal(events.users // 4, raw.train[behaviour].users)
        np.testing.assert_array_equal(events.items, raw.train[behaviour].items)
        genre = raw.item_features.indices.reshape(raw.n_items, 3)[:, 0]
        fitting = np.mean(genre[events.items] % 4 == events.users % 4)
        assert fitting == pytest.approx(0.7 + 0.3 / 4, abs=0.02)
