"""A prepared data set into memory: every byte verified, arrays memory-mapped."""

from __future__ import annotations

from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.prepare import prepare
from data_prep.store import Damaged, read_manifest, sha256_file
from recsys_cli.data.dataset import CSR, Dataset, Features, KnowledgeGraph


def get_dataset(data_cfg: Mapping[str, Any], *, validate: bool = True) -> Dataset:
    """The data set of a `data` configuration, prepared first if the cache does not hold it."""
    return load_prepared(prepare(data_cfg), validate=validate)


def find_prepared(cache_dir: str | Path, name: str, content_hash: str) -> Path | None:
    """The prepared data set of this name and content in a cache, whatever raw files it was made from; None if there
    is none that is whole by its manifest (`load_prepared` checks the arrays)."""
    for path in sorted((Path(cache_dir).expanduser() / "prepared").glob(f"{escape(name)}-*")):
        try:
            manifest = read_manifest(path)
        except UserError:  # damaged, of another version, or no data set
            continue
        if (manifest["name"], manifest["content_hash"]) == (name, content_hash):
            return path
    return None


def load_prepared(path: str | Path, *, validate: bool = True) -> Dataset:
    """Memory-maps a prepared data set.

    validate: compare the SHA-256 of every array file with the manifest (about 1 s per GB).
    Raises UserError naming the file that is missing or changed.
    """
    path = Path(path)
    manifest = read_manifest(path)
    arrays = {name: _array(path, entry, validate) for name, entry in manifest["arrays"].items()}
    sizes = manifest["sizes"]
    users, items = sizes["users"], sizes["items"]
    graph = None
    if "triples" in arrays:
        graph = KnowledgeGraph(arrays["triples"], sizes["entities"], sizes["relations"])
    return Dataset(
        name=manifest["name"],
        n_users=users,
        n_items=items,
        target=manifest["target"],
        train={behaviour: _csr(arrays, f"train.{behaviour}", items) for behaviour in manifest["behaviours"]},
        valid=_csr_if_there(arrays, "valid", items),
        test=_csr_if_there(arrays, "test", items),
        test_negatives=arrays.get("test.negatives"),
        friends=_csr_if_there(arrays, "friends", users),
        graph=graph,
        user_features=_features(arrays, manifest, "user_features"),
        item_features=_features(arrays, manifest, "item_features"),
        rating_scale=tuple(arrays["rating_scale"].tolist()) if "rating_scale" in arrays else None,
        user_ids=arrays["user_ids"],
        item_ids=arrays["item_ids"],
        content_hash=manifest["content_hash"],
        notes=tuple(manifest["notes"]),
        warnings=tuple(manifest["warnings"]),
    )


def _array(directory: Path, entry: dict[str, Any], validate: bool) -> np.ndarray:
    path = directory / Path(entry["file"]).name  # nothing outside of the directory
    if not path.is_file():
        raise Damaged(path, "the file is missing")
    if validate and sha256_file(path) != entry["sha256"]:
        raise Damaged(path, "its bytes are not those that were written")
    try:
        # A memory map of nothing is refused by some systems.
        return np.load(path, mmap_mode="r" if 0 not in entry["shape"] else None, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise Damaged(path, str(error)) from None


def _csr_if_there(arrays: dict[str, np.ndarray], name: str, n_cols: int) -> CSR | None:
    return _csr(arrays, name, n_cols) if f"{name}.indptr" in arrays else None


def _csr(arrays: dict[str, np.ndarray], name: str, n_cols: int) -> CSR:
    values = arrays.get(f"{name}.ratings")
    return CSR(arrays[f"{name}.indptr"], arrays[f"{name}.indices"], n_cols, values)


def _features(arrays: dict[str, np.ndarray], manifest: dict[str, Any], side: str) -> Features | None:
    fields = manifest["fields"][side]
    return fields and Features.of_arrays(fields["names"], arrays, side)
