"""The vectors of all sub-models, one beside the other: what is aggregated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys_cli.ops.layers import initial_values


class Table(NamedTuple):
    """One side by all sub-models. vectors: float32 [n, K, d]; there: bool [n, K], which of them exist."""

    vectors: np.ndarray
    there: np.ndarray


def stack(n: int, ids: list[np.ndarray], vectors: list[np.ndarray]) -> Table:
    """ids: those of each shard, in the order of its vectors."""
    shape = n, len(ids), vectors[0].shape[1]
    table = Table(np.zeros(shape, np.float32), np.zeros(shape[:2], bool))
    for k, (own, values) in enumerate(zip(ids, vectors)):
        table.vectors[own, k], table.there[own, k] = values, True
    return table


def filled(table: Table, seed: int, side: str) -> Table:
    """With random vectors where there are none."""
    values = initial_values("normal", table.vectors.shape, seed=seed, purpose=f"absent {side}").numpy()
    return Table(np.where(table.there[..., None], table.vectors, values), np.ones_like(table.there))
