"""Runs of a job that are there already: finished ones, and those that can be gone on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from recsys_cli.jobs.identity import JOB_HASH, can_be_found, job_hash
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.environment import code_hash
from recsys_cli.runs.kept import result_of
from recsys_cli.runs.record import RECORD, read_record

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Found:
    """What lies under a runs_dir, at any depth; read once, and again where somebody else has worked (`look`)."""

    def __init__(self) -> None:
        self._records: dict[Path, list[tuple[Path, dict[str, Any]]]] = {}
        self._data: dict[str, str] = {}

    def look(self) -> None:
        """Forgets what was read."""
        self._records.clear()

    def add(self, cfg: DictConfig, path: Path) -> None:
        """A run that has just ended."""
        self._records.get(Path(cfg.runs_dir).expanduser(), []).append((path, read_record(path)))

    def finished(self, cfg: DictConfig) -> Path | None:
        """A finished run of the same settings, data and program under runs_dir, or in run_dir where one is given."""
        final = "test" if cfg.evaluation.test else "validation"
        found = (path for path, record in self._same(cfg) if record["status"] == "finished")
        return next((path for path in found if result_of(path, final)), None)

    def unfinished(self, cfg: DictConfig) -> Path | None:
        """As `finished`, of a run that was stopped, was killed or failed, or is running at this moment."""
        return next((path for path, record in self._same(cfg) if record["status"] != "finished"), None)

    def _same(self, cfg: DictConfig) -> Iterator[tuple[Path, dict[str, Any]]]:
        if not can_be_found(cfg):
            return
        digest = job_hash(cfg)
        for path, record in self._read(cfg):
            if record.get(JOB_HASH) == digest and record.get("environment", {}).get("code") == code_hash():
                data = record.get("data_hash")
                if data == self._data_hash(cfg) or (data is None and record["status"] != "finished"):
                    yield path, record

    def _read(self, cfg: DictConfig) -> list[tuple[Path, dict[str, Any]]]:
        if cfg.run_dir:
            return [(path, read_record(path)) for path in [Path(cfg.run_dir)] if (path / CONFIG).is_file()]
        root = Path(cfg.runs_dir).expanduser()
        if root not in self._records:
            self._records[root] = [(path, read_record(path)) for path in run_folders(root)]
        return self._records[root]

    def _data_hash(self, cfg: DictConfig) -> str | None:
        """Of what the job would be trained on now; None where that cannot be had, as the job itself will say."""
        from omegaconf import OmegaConf

        from data_prep.prepare import prepare
        from data_prep.store import read_manifest

        asked = OmegaConf.to_yaml(cfg.data, resolve=True)
        if asked not in self._data:
            try:
                self._data[asked] = read_manifest(prepare(cfg.data))["content_hash"]
            except UserError:
                return None
        return self._data[asked]


def run_folders(root: Path) -> Iterator[Path]:
    """Every run under a folder, in the order of their paths; links are not followed, hidden folders not entered."""
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if CONFIG in files and RECORD in files:
            inner.clear()
            yield Path(folder)
