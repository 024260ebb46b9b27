"""Vectors, or weights between items, as NumPy arrays or CSV tables, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from recsys_cli.data.dataset import CSR
from recsys_cli.use.content import ItemWeights, Vectors

ROWS = 4096  # written at a time


def write_npz(path: Path, content: Vectors | ItemWeights) -> None:
    """Arrays by name, to be read without pickle.

    Vectors: user_ids, users, item_ids, items. Weights between items: item_ids and weights [n, n], or item_ids beside the
    arrays of a sparse matrix as `scipy.sparse.load_npz` takes it.
    """
    arrays = content._asdict()
    if isinstance(content, ItemWeights) and isinstance(content.weights, CSR):
        w = content.weights
        arrays = {"item_ids": content.item_ids, "format": np.array(b"csr"), "shape": np.array([w.n_rows, w.n_cols])}
        arrays |= {"indptr": w.indptr, "indices": w.indices, "data": w.values}
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


def write_csv(folder: Path, content: Vectors | ItemWeights) -> None:
    """users.csv and items.csv: id, v0, v1, ...; or item_weights.csv: item, other, weight, where that is not 0."""
    if isinstance(content, ItemWeights):
        _write(folder / "item_weights.csv", _of_weights(content))
        return
    _write(folder / "users.csv", _of_vectors("user", content.user_ids, content.users))
    _write(folder / "items.csv", _of_vectors("item", content.item_ids, content.items))


def _of_vectors(name: str, ids: np.ndarray, vectors: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for first in range(0, len(ids), ROWS):
        block = vectors[first : first + ROWS]
        yield {name: ids[first : first + ROWS], **{f"v{place}": column for place, column in enumerate(block.T)}}


def _of_weights(content: ItemWeights) -> Iterator[dict[str, np.ndarray]]:
    n, step = len(content.item_ids), max(1, ROWS * ROWS // max(1, len(content.item_ids)))
    for first in range(0, n, step):
        rows, cols, values = content.rows(first, min(n, first + step))
        yield {"item": content.item_ids[rows], "other": content.item_ids[cols], "weight": values}


def _write(path: Path, blocks: Iterator[dict[str, np.ndarray]]) -> None:
    import pandas as pd

    with open(path, "w", encoding="utf-8", newline="") as stream:
        for number, block in enumerate(blocks):
            pd.DataFrame(block).to_csv(stream, index=False, header=number == 0, lineterminator="\n")
