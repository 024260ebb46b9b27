"""Which files of an unlearnable run are the program's own. Anything else fails `verify` by its name.

A state consists of files with exact names, whose bytes its ledger vouches for. The few files in the run directory
that are no part of a state are known by name and structure, and their texts are searched for what was forgotten.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.entries import all_files, is_folder, strangeness
from data_prep.ids import places
from data_prep.store import MANIFEST, sha256_file
from recsys_cli.evaluation.summary import load_per_user
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import EVALUATIONS, STATE_FILES
from recsys_cli.runs.environment import environment
from recsys_cli.runs.metrics_log import METRICS
from recsys_cli.runs.record import RECORD
from recsys_cli.unlearning.data_copy import arrays_of
from recsys_cli.unlearning.files import UNREADABLE, read_text
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, ROWS, SHARDS, Rows
from recsys_cli.unlearning.ledger import LEDGER
from recsys_cli.unlearning.requests import FOLDER
from recsys_cli.unlearning.unit import INPUTS, ORIGIN, VECTORS

TEST, PER_USER = "test.json", "test_per_user.npz"
LINKS = STATE_FILES  # seen in the run directory, lying in the current state
LEDGER_FILES = {LEDGER, Path(LEDGER).with_suffix(".sha256").name}
AGAIN = f"{EVALUATIONS}/*.json"  # what `recsys evaluate` writes
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
    "job_hash",
    "bearing",
    "model",
    "data",
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
    return {CONFIG: sha256_file(run / CONFIG), **{name: sha256_file(path / name) for name in sorted(names)}}


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
            elif why := strangeness(file):
                found[file] = f"is {why}"
            elif sha256_file(file) != expected[name]:
                found[file] = "was changed"
        except OSError as error:
            found[file] = f"cannot be read ({error.strerror})"
    return found


def foreign(run: Path, rows: Rows, known: set[Path]) -> list[Path]:
    """Everything in the run that is neither known nor of the structure that the program gives to such a file."""
    return [file for file in all_files(run) if _noted(file) or not (file in known or _is_own(run, file, rows))]


def own_texts(run: Path, ledger: Mapping[str, Any]) -> dict[Path, Any]:
    """The JSON documents beside the state that are there, without the times in them, and without what the program
    itself says of this machine or of that of the ledger: the `64` of x86_64 is no id."""
    machines = [environment(), ledger.get("environment", {})]
    found = {}
    for file in (run / RECORD, *sorted(run.glob(AGAIN))):
        try:
            document = json.loads(read_text(file))
            found[file] = {k: v for k, v in document.items() if k not in ("started", "finished")}
            if file.name == RECORD and "environment" in document:
                found[file]["environment"] = {
                    key: value
                    for key, value in document["environment"].items()
                    if all(machine.get(key) != value for machine in machines)
                }
        except UNREADABLE:  # missing, or foreign
            continue
    return found


def _is_own(run: Path, file: Path, rows: Rows) -> bool:
    name = str(file.relative_to(run))
    try:
        if file.is_symlink():
            target = os.readlink(file)
            return (name in LINKS and target == f"current/{name}") or name == "current"  # which is checked when opened
        if name in (FOLDER, EVALUATIONS):
            return is_folder(file)  # an empty one
        fits = next((fits for pattern, fits in STRUCTURES.items() if re.fullmatch(pattern, name)), None)
        return strangeness(file) is None and fits is not None and fits(file, rows)
    except UNREADABLE:
        return False


def _noted(file: Path) -> bool:
    """Whether somebody attached something to the file (extended attributes of users)."""
    try:
        return any(name.startswith("user.") for name in os.listxattr(file, follow_symlinks=False))
    except (AttributeError, OSError):  # not on this system
        return False


def _trained(folder: str, result: str) -> set[str]:
    return {f"{folder}/{name}" for name in (INPUTS, METRICS, ORIGIN)} | _with_checksum(f"{folder}/{result}")


def _with_checksum(name: str) -> set[str]:
    return {name, name.replace(".npz", ".sha256")}


def _record(file: Path, rows: Rows) -> bool:
    content = json.loads(read_text(file))
    times = [content[key] for key in ("started", "finished") if key in content]
    rest = [value for key, value in content.items() if key != "environment"]
    return (
        content.keys() <= RECORD_KEYS
        and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", time) for time in times)
        and all(map(_is_plain, [*rest, *content.get("environment", {}).values()]))
    )


def _result(file: Path, rows: Rows) -> bool:
    content = json.loads(read_text(file))
    return content.keys() == {"split", "users", "pairs", "left_out_pairs", "protocol", "metrics"} and all(
        metric.keys() == {"mean", "low", "high"} and all(v is None or _is_number(v) for v in metric.values())
        for metric in content["metrics"].values()
    )


def _per_user(file: Path, rows: Rows) -> bool:
    """One value per metric of users of this state, by raw ids."""
    with zipfile.ZipFile(file) as archive:  # stored as it is, so that it takes no more memory than room on the disk
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            return False
    users, metrics = load_per_user(file)
    found = places(users, rows.dataset.user_ids)
    return bool(
        users.ndim == 1
        and (found >= 0).all()
        and (np.diff(found) > 0).all()
        and all(v.shape == users.shape and v.dtype.kind == "f" for v in metrics.values())
        and all(re.fullmatch(r"[A-Za-z0-9_.@-]+", name) for name in metrics)
    )


def _is_plain(value: Any) -> bool:
    return value is None or _is_number(value) or isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


STRUCTURES: dict[str, Callable[[Path, Rows], bool]] = {
    r"\.lock": lambda file, rows: file.stat().st_size == 0,
    re.escape(RECORD): _record,
    rf"{EVALUATIONS}/[^/]+_per_user\.npz": _per_user,
    rf"{EVALUATIONS}/[^/]+\.json": _result,
}
