"""Runs of a job that are there already: finished ones, and those that can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data_prep.errors import UserError
from recsys_cli.jobs.identity import JOB_HASH, can_be_found, job_hash
from recsys_cli.runs.bearing import about
from recsys_cli.runs.directory import state_number
from recsys_cli.runs.found import is_run, run_folders
from recsys_cli.runs.identity import DATA_HASH
from recsys_cli.runs.kept import result_of
from recsys_cli.runs.record import read_record

if TYPE_CHECKING:
    from omegaconf import DictConfig


FINISHED = "finished"


class Known(NamedTuple):
    """What there is of a job. others: finished runs of another version of the program or of other data."""

    finished: Path | None
    unfinished: Path | None
    others: int


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
        """A finished run of the same settings, data and program under runs_dir, or in run_dir where one is given; one
        that can forget, and did, is another."""
        return self.known(cfg, job_hash(cfg)).finished

    def unfinished(self, cfg: DictConfig) -> Path | None:
        """As `finished`, of a run that was stopped, was killed or failed, or is running at this moment."""
        return self.known(cfg, job_hash(cfg)).unfinished

    def known(self, cfg: DictConfig, digest: str) -> Known:
        """digest: the hash of the job."""
        finished, unfinished, others = None, None, 0
        asked = [(path, record) for path, record in self._read(cfg) if record.get(JOB_HASH) == digest]
        for path, record in asked if can_be_found(cfg) else ():
            if not self._fits(cfg, record):
                others += record["status"] == FINISHED
            elif record["status"] != FINISHED:
                unfinished = unfinished or path
            elif not finished and result_of(path, _final(cfg)) and not state_number(path):
                finished = path
        return Known(finished, unfinished, others)

    def _fits(self, cfg: DictConfig, record: dict[str, Any]) -> bool:
        """Whether it is of this program and of the data as they are now."""
        data = record.get(DATA_HASH)
        return all(record.get(key) == value for key, value in about(cfg).items()) and (
            data == self._data_hash(cfg) or (data is None and record["status"] != FINISHED)
        )

    def _read(self, cfg: DictConfig) -> list[tuple[Path, dict[str, Any]]]:
        if cfg.run_dir:
            return [(path, read_record(path)) for path in [Path(cfg.run_dir)] if is_run(path)]
        return self.records(Path(cfg.runs_dir).expanduser())

    def records(self, root: Path) -> list[tuple[Path, dict[str, Any]]]:
        """Every run under a folder, with its record."""
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


def _final(cfg: DictConfig) -> str:
    return "test" if cfg.evaluation.test else "validation"
