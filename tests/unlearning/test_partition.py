"""Partitions against the algorithm as it is written: all (point, centre) pairs sorted, one by one."""

from __future__ import annotations

import time

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.balanced import View, balanced_shards, nearest_first
from recsys_cli.unlearning.partition import check_shards, partition

SETTINGS = {
    "shards": 3,
    "partition": "interactions",
    "partition_vectors": "random",
    "partition_centroids": "vector",
    "partition_balance": "count",
    "partition_slack": 1.2,
    "partition_rounds": 10,
    "pretraining_size": 4,
    "pretraining_epochs": 2,
    "pretraining_negative_weight": 0.1,
}


def literal(distance: np.ndarray, capacity: float, weights: np.ndarray) -> np.ndarray:
    """distance: [points, centres]"""
    shard, load = np.full(len(distance), -1), np.zeros(distance.shape[1])
    for _, point, centre in sorted((d, p, c) for p, row in enumerate(distance) for c, d in enumerate(row)):
        if shard[point] < 0 and load[centre] < capacity:
            shard[point] = centre
            load[centre] += weights[point]
    return shard


@pytest.mark.parametrize("seed", range(40))
def test_nearest_first_is_the_literal_algorithm(seed):
    """Ties, points of different weight, shards that are full at once, and products of two distances."""
    random = np.random.default_rng(seed)
    n, k = int(random.integers(5, 60)), int(random.integers(2, 6))
    slack = random.choice([1.0, 1.2, 2.0])
    users, items = (random.integers(0, 5, (k, 7)).astype(float) for _ in range(2))
    u, i = random.integers(0, 7, n), random.integers(0, 7, n)
    weights = random.integers(1, 4, n) if seed % 2 else np.ones(n, int)
    capacity = slack * weights.sum() / k
    found = nearest_first([View(users, u), View(items, i)], capacity, weights if seed % 2 else None)
    np.testing.assert_array_equal(found, literal((users[:, u] * items[:, i]).T, capacity, weights))


@pytest.mark.parametrize("scalar", [False, True])
def test_rounds_move_centres_to_means(scalar):
    random = np.random.default_rng(3)
    users, items, u, i = (
        random.normal(size=(20, 4)),
        random.normal(size=(15, 4)),
        *random.integers(0, 15, (2, 90)),
    )
    first = random.choice(90, 3, replace=False)
    centres = users[u[first]], items[i[first]]
    for _ in range(6):
        distance = [((side[ids][:, None] - c) ** 2).sum(-1) for side, ids, c in zip((users, items), (u, i), centres)]
        shard = literal(distance[0] * distance[1], 1.2 * 90 / 3, np.ones(90))
        means = [
            [side[ids[shard == k]].mean(None if scalar else 0) for k in range(3)]
            for side, ids in ((users, u), (items, i))
        ]
        centres = [np.array([np.broadcast_to(mean, 4) for mean in side]) for side in means]
    found = balanced_shards([View(users, u), View(items, i)], first, 1.2 * 90 / 3, 6, scalar=scalar)
    np.testing.assert_array_equal(found, shard)


def test_it_stops_when_nothing_moves(monkeypatch):
    from recsys_cli.unlearning import balanced

    vectors, calls = np.repeat([[0.0, 0.0], [9.0, 9.0]], 10, axis=0), []
    monkeypatch.setattr(balanced, "nearest_first", lambda *args: calls.append(1) or nearest_first(*args))
    shard = balanced_shards([View(vectors)], np.array([0, 19]), 12, 50)
    assert len(calls) == 2 and shard.tolist() == [0] * 10 + [1] * 10


def test_a_large_partition_is_quick():
    """2e5 interactions in 10 rounds: 1/25 of a million in 50. The limit is ten times the 0.3 s that were measured."""
    random = np.random.default_rng(0)
    users, items = random.normal(size=(3000, 64)), random.normal(size=(2000, 64))
    views = [View(users, random.integers(0, 3000, 200_000)), View(items, random.integers(0, 2000, 200_000))]
    began = time.process_time()
    shard = balanced_shards(views, random.choice(200_000, 10, replace=False), 24_000, 10)
    assert time.process_time() - began < 3
    assert np.bincount(shard).max() <= 24_000


def tiny(n_users=9, n_items=8, seed=0) -> Dataset:
    random = np.random.default_rng(seed)
    rows, cols = np.nonzero(random.random((n_users, n_items)) < 0.5)
    pairs = CSR.from_pairs(rows, cols, n_users, n_items)
    return Dataset(
        "tiny",
        n_users,
        n_items,
        "buy",
        {"buy": pairs},
        user_ids=np.array([f"u{u}" for u in range(n_users)]),
        item_ids=np.arange(n_items) + 100,
    )


def root(**changes):
    return OmegaConf.create({"seed": 0, "unlearning": {**SETTINGS, **changes}})


@pytest.mark.parametrize("by, ids", [("users", "rows"), ("items", "indices")])
@pytest.mark.parametrize("balance", ["count", "interactions"])
@pytest.mark.parametrize("vectors", ["random", "trained"])
def test_users_and_items_stay_together(by, ids, balance, vectors):
    data = tiny()
    shard = partition(root(partition=by, partition_balance=balance, partition_vectors=vectors), data)
    of_pair = getattr(data.target_train, ids)
    assert all(len(set(shard[of_pair == one])) == 1 for one in np.unique(of_pair))
    total, largest = (
        (data.target_train.nnz, np.bincount(of_pair).max()) if balance == "interactions" else (len(set(of_pair)), 1)
    )
    loads = np.bincount(shard) if balance == "interactions" else [len(set(of_pair[shard == k])) for k in range(3)]
    assert max(loads) < 1.2 * total / 3 + largest


def test_random_shards_are_equal_but_for_the_last():
    n = tiny().target_train.nnz
    sizes = np.bincount(partition(root(partition="random"), tiny()))
    assert sizes.tolist() == [n // 3, n // 3, n - 2 * (n // 3)]


def test_public_vectors_are_matched_by_raw_ids(tmp_path):
    data, random = tiny(), np.random.default_rng(1)
    users, items = random.normal(size=(9, 3)), random.normal(size=(8, 3))
    plain, shuffled = tmp_path / "plain.npz", tmp_path / "shuffled.npz"
    np.savez(plain, users=users, items=items)
    np.savez(
        shuffled,
        users=users[::-1],
        items=items[::-1],
        user_ids=data.user_ids[::-1],
        item_ids=data.item_ids[::-1],
    )
    one, other = (partition(root(partition_vectors=str(file)), data) for file in (plain, shuffled))
    np.testing.assert_array_equal(one, other)
    np.savez(plain, users=users[1:], items=items)
    with pytest.raises(UserError, match="8 vectors do not fit 9 ids.*add arrays user_ids"):
        partition(root(partition_vectors=str(plain)), data)
    with pytest.raises(UserError, match="no.npz.*Give trained, random, or a .npz"):
        partition(root(partition_vectors=str(tmp_path / "no.npz")), data)


def test_too_many_shards_are_refused():
    with pytest.raises(UserError, match="unlearning.shards=10 is more than the 9 users"):
        partition(root(partition="users", shards=10), tiny())
    data = tiny()
    with pytest.raises(UserError, match="shard 1 of 2 has no rows of 'buy'"):
        check_shards(data, data.target_train, np.zeros(data.target_train.nnz, int), 2)
