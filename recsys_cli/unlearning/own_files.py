"""Which files of an unlearnable run are the program's own; all others are foreign.

A state consists of files with exact names, whose bytes its ledger vouches for. The few files in the run
directory that are no part of a state are known by name and structure: none has room for a row of the data.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.store import MANIFEST
from recsys_cli.evaluation.summary import load_per_user
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import STATE_FILES
from recsys_cli.runs.metrics_log import METRICS
from recsys_cli.runs.record import RECORD
from recsys_cli.unlearning.data_copy import arrays_of
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, ROWS, SHARDS, Rows
from recsys_cli.unlearning.ledger import LEDGER, sha256_of
from recsys_cli.unlearning.search import UNREADABLE, all_files
from recsys_cli.unlearning.unit import INPUTS, ORIGIN, VECTORS

TEST, PER_USER = "test.json", "test_per_user.npz"
LINKS = STATE_FILES  # seen in the run directory, lying in the current state
LEDGER_FILES = {LEDGER, Path(LEDGER).with_suffix(".sha256").name}
RECORD_KEYS = {
    "status",
    "started",
    "finished",
    "pid",
    "environment",
    "seed",
    "peak_memory_mb",
    "epoch",
    "training_seconds",
    "evaluation_seconds",
    "seconds_per_epoch",
    "data_hash",
    "generation",
    "config_hash",
}


def state_files(path: Path, rows: Rows, shards: int) -> set[str]:
    """Relative names of all files of a state but its ledger: those that must be, and those of the
    aggregation and of single users where they are."""
    names = {f"{ROWS}/{INPUTS}", f"{ROWS}/data/{MANIFEST}", *_with_checksum(f"{ROWS}/assignment.npz"), TEST}
    names |= {f"{ROWS}/data/{name}.npy" for name in arrays_of(rows.dataset)}
    for k in range(shards):
        names |= _trained(f"{SHARDS}/{k}", VECTORS)
    may_be = _trained(AGGREGATION, PARAMETERS) | {PER_USER}
    return names | {name for name in may_be if (path / name).exists()}


def hashes(run: Path, path: Path, names: set[str]) -> dict[str, str]:
    """SHA-256 of these files of a state and of the config of the run, for the ledger."""
    return {CONFIG: sha256_of(run / CONFIG), **{name: sha256_of(path / name) for name in sorted(names)}}


def altered(run: Path, path: Path, names: set[str], expected: Mapping[str, str]) -> dict[Path, str]:
    """What is wrong with each file of the state, or with the config, that is not as the ledger says."""
    found = {}
    for name in sorted(names | {CONFIG} | expected.keys()):
        file = run / name if name == CONFIG else path / name
        try:
            if name not in names | {CONFIG}:
                found[file] = "does not belong here" if file.exists() else "is missing"
            elif name not in expected:
                found[file] = "is not in the ledger"
            elif file.is_symlink() or sha256_of(file) != expected[name]:
                found[file] = "was changed"
        except OSError as error:
            found[file] = f"cannot be read ({error.strerror})"
    return found


def beside_the_state(run: Path, rows: Rows) -> set[Path]:
    """The program's own files and links in the run directory that are no part of a state."""
    return {file for file in all_files(run) if _is_own(run, file, rows)}


def _is_own(run: Path, file: Path, rows: Rows) -> bool:
    name = str(file.relative_to(run))
    if file.is_symlink():
        target = os.readlink(file)
        return (name in LINKS and target == f"current/{name}") or (
            name == "current" and Path(target).parent == Path("generations")
        )
    for pattern, fits in STRUCTURES.items():
        if Path(name).match(pattern) and name.count("/") == pattern.count("/"):
            try:
                return fits(file, rows)
            except UNREADABLE:
                return False
    return False


def _trained(folder: str, result: str) -> set[str]:
    return {f"{folder}/{name}" for name in (INPUTS, METRICS, ORIGIN)} | _with_checksum(f"{folder}/{result}")


def _with_checksum(name: str) -> set[str]:
    return {name, name.replace(".npz", ".sha256")}


def _record(file: Path, rows: Rows) -> bool:
    return json.loads(file.read_text()).keys() <= RECORD_KEYS


def _metrics(file: Path, rows: Rows) -> bool:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line["epoch"] for line in lines] == list(range(1, len(lines) + 1)) and all(
        _is_number(value) for line in lines for value in line.values()
    )


def _result(file: Path, rows: Rows) -> bool:
    content = json.loads(file.read_text())
    return content.keys() == {"split", "users", "pairs", "left_out_pairs", "protocol", "metrics"} and all(
        metric.keys() == {"mean", "low", "high"} and all(map(_is_number, metric.values()))
        for metric in content["metrics"].values()
    )


def _per_user(file: Path, rows: Rows) -> bool:
    """One value per metric of users by internal id, which only this state can resolve."""
    users, metrics = load_per_user(file)
    return bool(
        users.ndim == 1
        and (np.diff(users) > 0).all()
        and (users < rows.dataset.n_users).all()
        and all(v.shape == users.shape and v.dtype.kind == "f" for v in metrics.values())
    )


def _scalars(file: Path, rows: Rows) -> bool:
    """TensorBoard events with nothing but scalars."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    try:
        records = [raw.numpy() for raw in tf.data.TFRecordDataset(str(file), buffer_size=1 << 20)]
    except tf.errors.OpError:
        return False
    if sum(len(record) + 16 for record in records) != file.stat().st_size:  # with lengths and checksums
        return False
    events = [event_pb2.Event.FromString(record) for record in records]
    values = [value for event in events for value in event.summary.value]
    return all(event.WhichOneof("what") in ("file_version", "summary") for event in events) and all(
        value.WhichOneof("value") == "tensor" and not value.tensor.tensor_shape.dim for value in values
    )


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, (int, float))


STRUCTURES: dict[str, Callable[[Path, Rows], bool]] = {
    ".lock": lambda file, rows: file.stat().st_size == 0,
    RECORD: _record,
    METRICS: _metrics,
    "evaluations/*.json": _result,
    "evaluations/*_per_user.npz": _per_user,
    "tensorboard/events.out.tfevents.*": _scalars,
}
