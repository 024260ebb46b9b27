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


def digest(memory_mb: int = 512) -> str:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(N_USERS, 66)), rng.normal(size=(N_ITEMS, 66))
    items[1::2] = items[:-1:2]  # half of all items tie with their neighbour
    factors = Factors(tf.constant(users, tf.float32), tf.constant(items, tf.float32))
    pairs = rng.permutation(N_USERS * N_ITEMS)[: 20 * N_USERS]
    held_out, seen = (CSR.from_pairs(p // N_ITEMS, p % N_ITEMS, N_USERS, N_ITEMS) for p in np.split(pairs, [450]))
    ranks = rank_held_out(factors, held_out, [seen], N_ITEMS, memory_mb)
    lists, scores = top_k(factors, np.arange(N_USERS), [seen], N_ITEMS, 50, memory_mb)
    return hashlib.sha256(ranks.ranks.tobytes() + lists.tobytes() + scores.tobytes()).hexdigest()


def test_size_of_a_block(monkeypatch):
    assert [blocks.rows_per_block(N_ITEMS, mb) for mb in (5, 14, 512)] == [16, 48, 64]
    expected = digest(512)
    assert digest(5) == digest(14) == expected
    monkeypatch.setattr(blocks, "CPU_CELLS", 1 << 24)
    assert blocks.rows_per_block(N_ITEMS, 512) == 256
    assert digest(512) == expected


def test_number_of_threads(other_threads):
    assert other_threads(digest) == digest()
