"""Scores and ranks have the same bits whatever the size of a block and the number of threads."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation import blocks
from recsys_cli.evaluation.ranking import rank_held_out
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Factors

pytestmark = pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="promised of CPUs only")
N_USERS, N_ITEMS = 150, 9001


def digest(memory_mb: int = 512, n_items: int = N_ITEMS) -> str:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(N_USERS, 66)), rng.normal(size=(n_items, 66))
    items[1::2] = items[: n_items // 2 * 2 : 2]  # half of all items tie with their neighbour
    factors = Factors(tf.constant(users, tf.float32), tf.constant(items, tf.float32))
    pairs = rng.permutation(N_USERS * n_items)[: 20 * N_USERS]
    held_out, seen = (CSR.from_pairs(p // n_items, p % n_items, N_USERS, n_items) for p in np.split(pairs, [450]))
    ranks = rank_held_out(factors, held_out, [seen], n_items, memory_mb)
    lists, scores = top_k(factors, np.arange(N_USERS), [seen], n_items, 50, memory_mb)
    return hashlib.sha256(ranks.ranks.tobytes() + lists.tobytes() + scores.tobytes()).hexdigest()


@pytest.mark.parametrize("n_items, rows", [(N_ITEMS, {5: 16, 14: 48, 512: 64}), (2001, {1: 16, 4: 64, 512: 256})])
def test_size_of_a_block(n_items, rows):
    assert {mb: blocks.rows_per_block(n_items, mb) for mb in rows} == rows
    assert len({digest(mb, n_items) for mb in rows}) == 1


def test_number_of_threads(other_threads):
    assert other_threads(digest) == digest()
