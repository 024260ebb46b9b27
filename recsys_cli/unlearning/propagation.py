"""Balanced label propagation (BLPA), as GraphEraser's authors partition a graph (Chen et al., CCS 2022).

Nodes are users and items, edges the training pairs; a pair follows its user. From a random split into equal shards, in each
round every node wishes to be where most of its neighbours are (ties: at random). Wishes are granted in the order of how
many neighbours are there, as long as there is room; who finds none waits until somebody leaves.

Deviation: the authors partition graphs of one kind of node, so that which part a pair follows is ours to say.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from recsys_cli.data.dataset import CSR

SPARE = 0.005  # delta: of the nodes of other shards, for which a shard has room beyond its share


def propagated_shards(pairs: CSR, n_shards: int, rounds: int, random: np.random.Generator) -> np.ndarray:
    """int16 [users]: the shard of every user, at most `rounds` rounds. pairs: users x items."""
    heads, tails = pairs.rows.astype(np.int64), pairs.indices.astype(np.int64) + pairs.n_rows
    heads, tails = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    n = pairs.n_rows + pairs.n_cols
    room = capacity(n, n_shards)
    shard = random.permutation(np.arange(n) % n_shards)
    for _ in range(rounds):
        near = np.bincount(heads * n_shards + shard[tails], minlength=n * n_shards).reshape(n, n_shards)
        wished = (near + random.random(near.shape)).argmax(axis=1)
        there = near[np.arange(n), wished]
        asking = np.flatnonzero((wished != shard) & (there > near[np.arange(n), shard]))
        order = asking[np.argsort(-there[asking], kind="stable")]
        if not _granted(shard, wished, order, room, n_shards):
            break
    return shard[: pairs.n_rows].astype(np.int16)


def capacity(n: int, n_shards: int) -> int:
    share = n / n_shards
    return math.ceil(share + SPARE * (n - share))


def _granted(shard: np.ndarray, wished: np.ndarray, order: np.ndarray, room: int, n_shards: int) -> int:
    """Moves nodes in this order, where there is room, and then who waits for their places; how many moved."""
    sizes = np.bincount(shard, minlength=n_shards).tolist()
    waiting: list[deque[int]] = [deque() for _ in range(n_shards)]
    moved = 0
    for node in order.tolist():
        going: int | None = node
        while going is not None:
            here, there = int(shard[going]), int(wished[going])
            if sizes[there] >= room:
                waiting[there].append(going)
                break
            shard[going] = there
            sizes[here], sizes[there], moved = sizes[here] - 1, sizes[there] + 1, moved + 1
            going = waiting[here].popleft() if waiting[here] else None
    return moved
