"""The run's own copy of the data that its model knows: a prepared data set of the remaining rows.

The prepared data set in the cache and the raw files belong to the user, who may change or delete them; a run
that must forget, and go on working afterwards, keeps what it needs itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from data_prep.store import write_prepared
from recsys_cli.data.dataset import CSR, Dataset


def write_copy(directory: Path, dataset: Dataset) -> None:
    """`recsys_cli.data.load.load_prepared` reads it."""
    graph, fields = dataset.graph, {}
    for side in ("user_features", "item_features"):
        features = getattr(dataset, side)
        fields[side] = features and {"names": list(features.names), "values": features.n_values}
    sizes = {"users": dataset.n_users, "items": dataset.n_items}
    if graph is not None:
        sizes |= {"entities": graph.n_entities, "relations": graph.n_relations}
    write_prepared(
        directory,
        arrays_of(dataset),
        {
            "name": dataset.name,
            "behaviours": list(dataset.behaviours),
            "target": dataset.target,
            "sizes": sizes,
            "fields": fields,
            "notes": [],
            "warnings": [],
        },  # notes and warnings count rows that may be forgotten later
        advice="move the run directory to where there is more",
    )


def digest(dataset: Dataset) -> str:
    """SHA-256 of all rows in order, with their raw ids, and of all else that a model can see."""
    found = hashlib.sha256(f"{dataset.behaviours} {dataset.target}".encode())
    for name, array in sorted(arrays_of(dataset).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def arrays_of(dataset: Dataset) -> dict[str, np.ndarray]:
    """By the names that prepared data sets use."""
    arrays = {"user_ids": _plain(dataset.user_ids), "item_ids": _plain(dataset.item_ids)}
    matrices: dict[str, CSR | None] = {f"train.{name}": matrix for name, matrix in dataset.train.items()}
    matrices |= {"valid": dataset.valid, "test": dataset.test, "friends": dataset.friends}
    for name, matrix in matrices.items():
        if matrix is not None:
            arrays |= _matrix(name, matrix)
    extra = {
        "test.negatives": dataset.test_negatives,
        "triples": None if dataset.graph is None else dataset.graph.triples,
    }
    for side in ("user_features", "item_features"):
        arrays |= features.arrays(side) if (features := getattr(dataset, side)) else {}
    return arrays | {name: array for name, array in extra.items() if array is not None}


def _matrix(name: str, matrix: CSR) -> dict[str, np.ndarray]:
    arrays = {f"{name}.indptr": np.asarray(matrix.indptr), f"{name}.indices": np.asarray(matrix.indices)}
    return arrays if matrix.values is None else {**arrays, f"{name}.ratings": np.asarray(matrix.values)}


def _plain(ids: np.ndarray) -> np.ndarray:
    """Texts as wide as the longest that is left: a forgotten id leaves no trace in the type."""
    return np.array(ids.tolist()) if ids.dtype.kind == "U" and len(ids) else np.asarray(ids)
