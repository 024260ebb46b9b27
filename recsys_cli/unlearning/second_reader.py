"""Reads a state a second time, by code of its own, to check which rows a shard was trained on.

Training takes its rows from `restrict.shard_of`, and the ledger their hash from `data_copy.digest`: a leak in either
would vouch for itself. Nothing of them is used here, nor of `Dataset` and `CSR`: arrays of the prepared format are
read with NumPy, the pairs of one shard taken out, and the hash is made anew by its definition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


class SecondReader:
    """generation: the folder of a state. Raises OSError, ValueError or LookupError where it is damaged."""

    def __init__(self, generation: Path, *, whole: bool = False):
        """whole: the single shard has all users and items, also those without a training pair."""
        self.whole = whole
        data = generation / "rows" / "data"
        manifest = json.loads((data / "manifest.json").read_bytes())
        self.behaviours, self.target = manifest["behaviours"], manifest["target"]
        self.n_users, self.n_items = manifest["sizes"]["users"], manifest["sizes"]["items"]
        self.arrays: Arrays = {
            name: np.load(data / entry["file"], allow_pickle=False) for name, entry in manifest["arrays"].items()
        }
        with np.load(generation / "rows" / "assignment.npz", allow_pickle=False) as archive:
            self.shards = archive["shard"]
        self.keys = {name: self._keys(f"train.{name}", self.n_items) for name in self.behaviours}
        self.pairs = np.unique(np.concatenate(list(self.keys.values())))  # by user, then by item
        if self.pairs.shape != self.shards.shape:
            raise ValueError(f"{len(self.shards)} rows have a shard, of {len(self.pairs)}")

    def n_pairs(self, k: int) -> int:
        return int((self.shards == k).sum())

    def shard_hash(self, k: int) -> str:
        """SHA-256 of all that the sub-model of shard k may see, as the ledger defines it."""
        found = hashlib.sha256(f"{tuple(self.behaviours)} {self.target}".encode())
        for name, array in sorted(self.shard(k).items()):
            found.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def shard(self, k: int) -> Arrays:
        """By the names of the prepared format: the pairs of shard k, and what is said of their users and items."""
        own = self.pairs[self.shards == k]
        users, items = np.unique(own // self.n_items), np.unique(own % self.n_items)
        if self.whole:
            users, items = np.arange(self.n_users), np.arange(self.n_items)
        here = {"user": users, "item": items}
        found: Arrays = {}
        for name, keys in self.keys.items():
            kept = np.isin(keys, own)
            found |= _csr(f"train.{name}", keys[kept], self.n_items, users, items)
            if (ratings := self.arrays.get(f"train.{name}.ratings")) is not None:
                found[f"train.{name}.ratings"] = ratings[kept]
        if "friends.indptr" in self.arrays:
            keys = self._keys("friends", self.n_users)
            both = np.isin(keys // self.n_users, users) & np.isin(keys % self.n_users, users)
            found |= _csr("friends", keys[both], self.n_users, users, users)
        if "triples" in self.arrays:
            found["triples"] = self._triples(items)
        for side, ids in here.items():
            raw = self.arrays[f"{side}_ids"][ids]
            found[f"{side}_ids"] = np.array(raw.tolist()) if raw.dtype.kind == "U" else raw
            found |= self._features(f"{side}_features", ids)
        return found

    def _keys(self, name: str, n_columns: int) -> np.ndarray:
        starts, columns = self.arrays[f"{name}.indptr"], self.arrays[f"{name}.indices"]
        rows = np.searchsorted(starts, np.arange(len(columns)), side="right") - 1
        return rows * np.int64(n_columns) + columns

    def _features(self, name: str, ids: np.ndarray) -> Arrays:
        """Those of these users or items; the values themselves keep their numbers."""
        found = {key: array for key, array in self.arrays.items() if key.startswith(f"{name}.")}
        if found:
            starts = found[f"{name}.indptr"]
            kept = np.concatenate([np.zeros(0, int), *(np.arange(starts[e], starts[e + 1]) for e in ids)])
            found |= {key: found[key][kept] for key in (f"{name}.indices", f"{name}.values") if key in found}
            found[f"{name}.indptr"] = np.cumsum([0, *(starts[e + 1] - starts[e] for e in ids)]).astype(np.int64)
        return found

    def _triples(self, items: np.ndarray) -> np.ndarray:
        """Those of the items that are here; all other entities follow them."""
        triples = self.arrays["triples"]
        ends = triples[:, [0, 2]].astype(np.int64)
        kept = np.all(np.isin(ends, items) | (ends >= self.n_items), axis=1)
        moved = np.where(ends < self.n_items, np.searchsorted(items, ends), ends - self.n_items + len(items))
        return np.stack([moved[kept, 0], triples[kept, 1], moved[kept, 1]], axis=1).astype(np.int32)


def disagreement(reader: SecondReader, k: int, entry: Mapping[str, Any]) -> str | None:
    """What the ledger says of a shard that a second reading does not find."""
    if reader.n_pairs(k) != entry["pairs"]:
        return f"a second reading finds {reader.n_pairs(k):,} pairs in shard {k}, the ledger says {entry['pairs']:,}"
    if reader.shard_hash(k) != entry["sha256"]:
        return f"a second reading of the rows of shard {k} does not give the hash of the rows it was trained on"
    return None


def _csr(name: str, keys: np.ndarray, n_columns: int, rows: np.ndarray, columns: np.ndarray) -> Arrays:
    """keys: row * n_columns + column, ascending, by the old numbers; rows, columns: those that get new ones."""
    counts = np.bincount(np.searchsorted(rows, keys // n_columns), minlength=len(rows))
    return {
        f"{name}.indptr": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        f"{name}.indices": np.searchsorted(columns, keys % n_columns).astype(np.int32),
    }
