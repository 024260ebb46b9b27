"""The prepared data set on disk: .npy arrays, and a manifest.json that vouches for them and for itself."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events
from data_prep.files import read_file, reading, sync_folder

FORMAT_VERSION = 2
MANIFEST = "manifest.json"


def csr_arrays(name: str, events: Events, n_rows: int, n_cols: int) -> dict[str, np.ndarray]:
    """`name`.indptr int64 [rows + 1], .indices int32 [nnz] and, where there, .ratings and .times [nnz].

    Pairs must not repeat; columns ascend within a row.
    """
    keys = events.keys(n_cols)
    arrays = {}
    if events.ratings is None and events.times is None:
        keys.sort()
        indices = (keys % n_cols).astype(np.int32)
    else:
        order = np.argsort(keys)
        del keys  # of as many bytes as all columns of a pair without times
        indices = events.items[order].astype(np.int32, copy=False)
        values = {"ratings": events.ratings, "times": events.times}
        arrays = {f"{name}.{k}": column[order] for k, column in values.items() if column is not None}
    counts = np.bincount(events.users, minlength=n_rows)
    arrays[f"{name}.indptr"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    arrays[f"{name}.indices"] = indices
    return arrays


CACHE_ADVICE = "choose another place with data.cache_dir=... (or RECSYS_CACHE_DIR)"


def write_prepared(
    directory: Path, arrays: dict[str, np.ndarray], manifest: dict[str, Any], advice: str = CACHE_ADVICE
) -> None:
    """Writes aside, fsyncs, renames: the directory is complete or absent, and errors leave nothing behind.

    Raises UserError when the disk is full or cannot be written; advice: what to do besides making room. Work of a faster
    process stays.
    """
    needed = sum(array.nbytes for array in arrays.values()) + (1 << 20)
    partial = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}.partial")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        _sweep(directory)
        if (free := shutil.disk_usage(directory.parent).free) < needed:
            raise OSError(errno.ENOSPC, f"{free >> 20} MiB are free")
        partial.mkdir()
        _fill(partial, arrays, manifest)
        _rename(partial, directory)
    except OSError as error:
        place = f"{directory.parent}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"Not enough room for the prepared data set: {needed / 2**20:.0f} MiB are needed in {place}. "
                f"Free some, or {advice}."
            ) from None
        raise UserError(f"The prepared data set cannot be written to {place}: {advice}.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a prepared data set; UserError when it is missing, changed or of another version."""
    path = Path(directory) / MANIFEST
    try:
        text = read_file(path).decode("ascii")
        manifest = json.loads(text)
        vouched = manifest.get("manifest_sha256")
    except FileNotFoundError:
        raise UserError(f"{directory} is not a prepared data set: it has no {MANIFEST}.") from None
    except (OSError, ValueError, AttributeError):
        raise Damaged(path, "it cannot be read") from None
    if vouched != _digest(manifest) or text != _dump(manifest):
        raise Damaged(path, "its own checksum does not fit")
    if manifest["format"] != FORMAT_VERSION:
        raise UserError(
            f"{directory} has format version {manifest['format']}, this program reads {FORMAT_VERSION}. "
            "Delete the directory and prepare the data set again."
        )
    return manifest


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with reading(path) as stream:
        while chunk := stream.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest()


class Damaged(UserError):
    """A prepared data set that can be made anew. what: the file and what is wrong with it."""

    def __init__(self, path: Path, why: str):
        self.what = f"{path} was changed or is damaged: {why}."
        super().__init__(f"{self.what} Delete the directory {path.parent} and prepare the data set again.")


def _fill(partial: Path, arrays: dict[str, np.ndarray], manifest: dict[str, Any]) -> None:
    entries = {}
    for name in sorted(arrays):
        path = partial / f"{name}.npy"
        with path.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        entries[name] = {
            "file": path.name,
            "sha256": sha256_file(path),
            "dtype": str(arrays[name].dtype),
            "shape": list(arrays[name].shape),
        }
    content = {key: manifest[key] for key in ("behaviours", "target", "sizes", "fields")}
    content |= {"format": FORMAT_VERSION, "arrays": {name: entries[name]["sha256"] for name in entries}}
    manifest = {"format": FORMAT_VERSION, **manifest, "arrays": entries, "content_hash": _digest(content)}
    manifest["manifest_sha256"] = _digest(manifest)
    with (partial / MANIFEST).open("w", encoding="ascii") as stream:
        stream.write(_dump(manifest))
        stream.flush()
        os.fsync(stream.fileno())


def _sweep(directory: Path) -> None:
    """Removes what killed processes left; a write that is still going on has touched its directory lately."""
    for stale in directory.parent.glob(f".{directory.name}.*.partial"):
        if time.time() - stale.stat().st_mtime > 3600:
            shutil.rmtree(stale, ignore_errors=True)


def _rename(partial: Path, directory: Path) -> None:
    sync_folder(partial)
    try:
        os.rename(partial, directory)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    sync_folder(directory.parent)


def _dump(manifest: dict[str, Any]) -> str:
    return json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"


def _digest(manifest: dict[str, Any]) -> str:
    kept = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
