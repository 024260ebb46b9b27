"""Checkpoints that are complete or absent: arrays and a JSON header in one npz, its SHA-256 beside it.

A save is written aside, synced and renamed, checksum first, so a crash at any moment leaves the older checkpoints
valid. A load takes the newest one whose bytes agree with its checksum and says so when it had to skip one.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.files import make_folder, read_file, write_file
from recsys_cli.runs.record import ADVICE

HEADER = "__header__"


class Checkpoint(NamedTuple):
    path: Path
    arrays: dict[str, np.ndarray]
    header: dict


def save(path: Path, arrays: Mapping[str, np.ndarray], header: Mapping) -> None:
    """path: ends in .npz. header: JSON values only."""
    if bad := [name for name, a in arrays.items() if not np.all(np.isfinite(a))]:
        raise UserError(f"not saved: {', '.join(bad)} holds values that are not finite; lower optimizer.learning_rate.")
    buffer = io.BytesIO()
    text = json.dumps(header, sort_keys=True).encode()
    content: dict[str, Any] = {HEADER: np.frombuffer(text, np.uint8), **arrays}
    np.savez(buffer, **content)
    payload = buffer.getvalue()
    root = path.parent.parent
    make_folder(path.parent, root)
    digest = hashlib.sha256(payload).hexdigest()
    write_file(path.with_suffix(".sha256"), f"{digest}  {path.name}\n".encode(), root, advice=ADVICE)
    write_file(path, payload, root, advice=ADVICE)


def load(path: Path) -> Checkpoint:
    """Raises UserError where a byte of the file or of its checksum has changed, or where it never was a checkpoint.

    Nothing in the file runs, whoever made it.
    """
    root = path.parent.parent
    try:
        payload = read_file(path, root)
        expected = read_file(path.with_suffix(".sha256"), root)
    except OSError as error:
        raise UserError(f"cannot read checkpoint {path}: {error.strerror}") from error
    if expected != f"{hashlib.sha256(payload).hexdigest()}  {path.name}\n".encode():
        raise UserError(f"checkpoint {path} is damaged: its bytes do not agree with {path.stem}.sha256")
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name != HEADER}
            header = json.loads(archive[HEADER].tobytes())
        if not isinstance(header, dict):
            raise TypeError("its header is no mapping")
    except Exception as error:  # whatever the bytes of a stranger may raise
        raise UserError(f"{path} is no checkpoint of this program: {' '.join(str(error).split())[:200]}") from None
    return Checkpoint(path, arrays, header)


def numbered(kind: str, epoch: int, step: int = 0) -> str:
    """The file name of a checkpoint after `epoch` whole epochs and `step` steps more; kind: "epoch" or "best".

    A name is never written with two contents, so no file is ever half old and half new.
    """
    return f"{kind}-{epoch:06d}" + (f"-step-{step:09d}" if step else "") + ".npz"


def _newest_first(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.glob(f"{kind}-*.npz"), key=lambda path: path.stem, reverse=True)


def load_newest(folder: Path, kind: str = "epoch") -> tuple[Checkpoint, list[str]]:
    """The newest valid checkpoint and a line for each newer one that was skipped."""
    paths = _newest_first(folder, kind)
    skipped: list[str] = []
    for path in paths:
        try:
            return load(path), skipped
        except UserError as error:
            skipped.append(str(error))
    what = "no checkpoint" if not paths else "no valid checkpoint: " + "; ".join(line.rstrip(".") for line in skipped)
    raise UserError(f"{folder}: {what}. Train again; nothing can be taken up from this run.")


def prune(folder: Path, keep: int, kind: str = "epoch") -> None:
    """Removes all but the newest `keep` checkpoints."""
    for path in _newest_first(folder, kind)[keep:]:
        path.unlink()
        path.with_suffix(".sha256").unlink(missing_ok=True)


def restore(checkpoint: Checkpoint, state: Mapping) -> None:
    """Assigns the arrays to variables of the same names; refuses another model's, naming what differs."""
    here = {n: (tuple(v.shape), np.dtype(v.dtype.as_numpy_dtype)) for n, v in state.items()}
    there = {n: (a.shape, a.dtype) for n, a in checkpoint.arrays.items()}
    if here != there:
        name = sorted(n for n in here.keys() | there.keys() if here.get(n) != there.get(n))[0]
        shown = ["absent" if of is None else f"{of[1]} {of[0]}" for of in (there.get(name), here.get(name))]
        raise UserError(
            f"{checkpoint.path} is of another model or data set: {name} is {shown[0]} there and {shown[1]} here."
        )
    for name, variable in state.items():
        variable.assign(checkpoint.arrays[name])
