"""A run directory explains itself: config, data hash, code version, environment, metrics per epoch, final status."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import resource
import secrets
import statistics
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from data_prep.errors import UserError
from recsys_cli.config.library import library
from recsys_cli.data.files import write_file

CONFIG, RECORD, METRICS, CHECKPOINTS = "config.yaml", "record.json", "metrics.jsonl", "checkpoints"


class Run:
    """One run directory, locked while it is in use."""

    def __init__(self, path: Path):
        self.path = path
        self._lock = open(path / ".lock", "w")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"run directory {path} is in use by another process: wait for it, stop it, or choose another run_dir."
            ) from None
        self.record: dict[str, Any] = {}

    @classmethod
    def create(cls, config: DictConfig) -> Run:
        """A new directory at config.run_dir, or a fresh name under config.runs_dir."""
        if config.run_dir:
            path = Path(config.run_dir)
            if (path / CONFIG).exists():
                raise UserError(
                    f"run_dir={path} holds a run already. To go on with it: recsys train resume={path}. "
                    "To start anew, choose another run_dir or remove this one."
                )
        else:
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.model.name}-{config.data.name}-{secrets.token_hex(2)}"
            path = Path(config.runs_dir) / name
        try:
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path)
        except OSError as error:
            raise UserError(
                f"cannot make the run directory {path}: {error.strerror}. Choose another run_dir."
            ) from error
        write_file(path / CONFIG, OmegaConf.to_yaml(config).encode())
        run.record = {
            "status": "running",
            "started": _now(),
            "pid": os.getpid(),
            "environment": environment(),
            "seed": config.seed,
        }
        run.write_record()
        return run

    @classmethod
    def open(cls, path: str | Path) -> tuple[Run, DictConfig]:
        """An existing run and its config; a run whose process died is recognised by its free lock.

        Raises UserError for a folder without a run and for a run that lacks a key of this version.
        """
        path = Path(path)
        if not (path / CONFIG).is_file():
            raise UserError(
                f"{path} is not a run directory: it has no {CONFIG}. `recsys train` prints where a run lies."
            )
        run = cls(path)
        try:
            run.record = json.loads((path / RECORD).read_text())
        except (OSError, ValueError):
            run.record = {"status": "left no record"}
        if run.record.get("status") == "running":
            run.record["status"] = "died"
        return run, _of_this_version(OmegaConf.load(path / CONFIG), path)

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def check_data(self, content_hash: str) -> None:
        """Refuses to go on with other data than the run began with."""
        before = self.record.setdefault("data_hash", content_hash)
        if before != content_hash:
            raise UserError(
                f"{self.path} was trained on other data: content hash {before[:16]}, here {content_hash[:16]}. "
                "Restore the data of that run, or train anew."
            )

    def finish(self, status: str, **facts: Any) -> None:
        """Writes how the run ended; seconds add up over resumed parts."""
        self.record.update(status=status, finished=_now(), peak_memory_mb=round(peak_memory_mb(), 1), **facts)
        self.write_record()

    def write_record(self) -> None:
        write_file(self.path / RECORD, (json.dumps(self.record, indent=1, sort_keys=True) + "\n").encode())


class MetricsLog:
    """metrics.jsonl: a line per epoch with its loss, seconds and, where it was evaluated, the metrics."""

    def __init__(self, path: Path, after_epoch: int):
        kept = []
        if path.exists():  # a resumed run does the epochs after its checkpoint again
            whole_lines = path.read_text().split("\n")[:-1]
            kept = [row for row in map(json.loads, whole_lines) if row["epoch"] <= after_epoch]
        self._seconds = [row["seconds"] for row in kept]
        self._stream = open(path, "w")  # noqa: SIM115 - closed with the process
        for row in kept:
            self._write(row)

    @property
    def seconds(self) -> float:
        """Training time of all epochs, those before a resume included."""
        return sum(self._seconds)

    @property
    def median_seconds(self) -> float:
        return statistics.median(self._seconds) if self._seconds else 0.0

    def add(self, epoch: int, loss: float, seconds: float, metrics: Mapping[str, float] | None) -> None:
        self._seconds.append(seconds)
        self._write({"epoch": epoch, "loss": loss, "seconds": round(seconds, 4), **(metrics or {})})

    def _write(self, row: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(row) + "\n")
        self._stream.flush()


def _of_this_version(config: DictConfig, path: Path) -> DictConfig:
    """The config of a run, where keys that came later and bear on scoring only get their default.

    Any other missing key decides how a model is made and trained: what this version would have made is not known.
    """
    if any(group not in config for group in ("data", "model")):
        raise UserError(
            f"{path / CONFIG} is not the config of a run: put back the one that was written, or train again."
        )
    choices = {
        group: config[group].get("name", default)
        for group, default in library().defaults("train").items()
        if config.get(group)
    }
    if config.data.get("source") == "csv":  # called by its file
        choices["data"] = "csv"
    expected = {group: library().group_values(group, choice) for group, choice in choices.items() if choice}
    for group in ("evaluation", "device"):
        config[group] = OmegaConf.merge(expected.pop(group, {}), config.get(group, {}))
    for group, values in expected.items():
        if missing := sorted(values.keys() - config[group].keys()):
            raise UserError(
                f"{path} was trained by another version, without {group}.{missing[0]}, so it cannot be known "
                "what this version would have made: train it again."
            )
    return config


def peak_memory_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def environment() -> dict[str, Any]:
    """Versions, machine and a hash of this program's own sources."""
    packages = ("recsys", "tensorflow", "numpy", "hydra-core", "omegaconf")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "code": code_hash(),
        **{p: _version(p) for p in packages},
    }


def code_hash() -> str:
    """SHA-256 over the Python sources of the program, in order of their paths."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in ("data_prep", "recsys_cli"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
