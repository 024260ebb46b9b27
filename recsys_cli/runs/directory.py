"""A run directory, locked while it is in use: the one place where runs are made and opened.

RUN/config.yaml       every setting (config.py)
RUN/record.json       how it ended, with what (record.py)
RUN/metrics.jsonl     a line per epoch (metrics_log.py)
RUN/log.txt           what it printed, where it was one of several jobs (recsys_cli/jobs)
RUN/checkpoints/      what training goes on from, and what is scored
RUN/test.json         the result; test_per_user.npz: that of each user (results.py)
RUN/evaluations/      what `recsys evaluate` found
RUN/tensorboard/      curves
RUN/current           of a run that can forget: the one link that is followed, to generations/N
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from data_prep.entries import NotRegular
from data_prep.errors import UserError
from data_prep.files import PARTIAL, open_file
from recsys_cli.runs.config import CONFIG, of_this_version, read_settings, settings_of, write_settings
from recsys_cli.runs.environment import environment, peak_memory_mb
from recsys_cli.runs.identity import config_hash
from recsys_cli.runs.metrics_log import METRICS
from recsys_cli.runs.record import RECORD, now, read_record, write_record

if TYPE_CHECKING:
    from omegaconf import DictConfig

CHECKPOINTS, EVALUATIONS, TENSORBOARD = "checkpoints", "evaluations", "tensorboard"
GENERATIONS, CURRENT, LOCK = "generations", "current", ".lock"
LOG = "log.txt"
STATE_FILES = ("test.json", "test_per_user.npz", "ledger.json")  # links into the current state, where there is one
OWN = {
    CHECKPOINTS, EVALUATIONS, TENSORBOARD, LOCK, CONFIG, RECORD, METRICS, LOG, "error.log",
    "validation.json", "validation_per_user.npz", *STATE_FILES,
}  # fmt: skip


class Run:
    """path: the run directory. settings: of its config.yaml, as written. record: of its record.json."""

    def __init__(self, path: Path, settings: dict[str, Any], lock: IO | None):
        self.path, self.settings, self._lock = path, settings, lock  # the lock ends with this object
        self.record: dict[str, Any] = {}

    @classmethod
    def create(cls, config: DictConfig, **facts: Any) -> Run:
        """A new directory at config.run_dir, or a fresh name under config.runs_dir; config: of `recsys train`.

        facts: more to keep in the record. The record comes first: whatever has a config tells what it is.
        """
        if config.run_dir:
            path = Path(config.run_dir)
            if (path / CONFIG).exists():
                raise UserError(
                    f"run_dir={path} holds a run already. To go on with it: recsys train resume={path}. "
                    "To start anew, choose another run_dir or remove this one."
                )
        else:
            path = fresh_path(config)
        try:
            path.mkdir(parents=True, exist_ok=True)
            refuse_links(path)
            run = cls(path, settings_of(config), _locked(path, fcntl.LOCK_EX))
        except OSError as error:
            raise UserError(
                f"cannot make the run directory {path}: {error.strerror}. Choose another run_dir."
            ) from error
        run.record = {
            "status": "running",
            "started": now(),
            "pid": os.getpid(),
            "environment": environment(),
            "seed": config.seed,
            "config_hash": config_hash(run.settings),
            **facts,
        }
        run.write_record()
        write_settings(path, run.settings)
        return run

    @classmethod
    def open(cls, path: str | Path) -> tuple[Run, DictConfig]:
        """An existing run, for this process alone, and its config; what a kill left half written is removed.

        Raises UserError for a folder without a run, a run in use, and a run that lacks a key of this version.
        """
        run, config = cls._open(Path(path).expanduser(), fcntl.LOCK_EX)
        for folder in (run.path, run.checkpoints, run.path / EVALUATIONS):
            for leftover in folder.glob(f"*{PARTIAL}"):
                if leftover.is_file() and not leftover.is_symlink():
                    leftover.unlink()
        return run, config

    @classmethod
    def read(cls, path: str | Path) -> tuple[Run, DictConfig]:
        """As `open`, beside others who read it, and also where nothing can be written."""
        return cls._open(Path(path).expanduser(), fcntl.LOCK_SH)

    @classmethod
    def _open(cls, path: Path, how: int) -> tuple[Run, DictConfig]:
        settings = read_settings(path)
        refuse_links(path)
        try:
            run = cls(path, settings, _locked(path, how))
        except OSError as error:
            raise UserError(f"cannot open the run directory {path}: {error.strerror}.") from error
        run.record = read_record(path)
        if run.record["status"] == "running":  # whoever runs holds the lock
            run.record["status"] = "died"
        return run, of_this_version(settings, path)

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    def set_epochs(self, epochs: int) -> bool:
        """Keeps that the run is to be trained to this epoch; whether that is another one than before."""
        if self.settings["trainer"]["epochs"] == epochs:
            return False
        self.settings["trainer"]["epochs"] = epochs
        write_settings(self.path, self.settings)
        return True

    def finish(self, status: str, **facts: Any) -> None:
        """Writes how the run ended; seconds add up over resumed parts."""
        self.record.pop("error", None)  # of a try before
        self.record.update(status=status, finished=now(), peak_memory_mb=round(peak_memory_mb(), 1), **facts)
        self.write_record()

    def write_record(self) -> None:
        write_record(self.path, self.record)


def fresh_path(config: DictConfig) -> Path:
    """A name under config.runs_dir that no run has."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.model.name}-{config.data.name}-{secrets.token_hex(2)}"
    return Path(config.runs_dir).expanduser() / name


def in_use(path: Path) -> bool:
    """Whether another process has the run locked at this moment."""
    try:
        lock = _locked(path, fcntl.LOCK_SH)
    except (UserError, OSError):
        return True
    if lock:
        lock.close()
    return False


def refuse_links(run: Path) -> None:
    """Raises UserError where what the program itself would open in a run is a link to elsewhere.

    Files of other names are not opened; those inside of folders are opened without following links. What belongs to
    the states of a run that can forget is looked after in unlearning/generations.py.
    """
    for name in sorted(OWN):
        path = run / name
        if path.is_symlink() and not (name in STATE_FILES and os.readlink(path) == f"{CURRENT}/{name}"):
            raise NotRegular(path)


def state_folder(run: Path) -> Path | None:
    """The folder of the current state of a run that can forget; None where `current` is not there.

    Raises UserError where it is anything but a link to generations/N.
    """
    link = run / CURRENT
    try:
        target = os.readlink(link)
    except FileNotFoundError:
        return None
    except OSError:
        raise UserError(f"{link} is no link to a state of the run, which it has to be.") from None
    folder = run / target
    links = (run / GENERATIONS).is_symlink() or folder.is_symlink()
    if links or not folder.is_dir() or not re.fullmatch(rf"{GENERATIONS}/(0|[1-9][0-9]*)", target):
        raise UserError(
            f"{link} leads to {target}, and not to a folder {GENERATIONS}/N of this run: somebody has changed it. "
            "Put it back."
        )
    return folder


def state_number(run: Path) -> int:
    """How often a run has forgotten something. Raises UserError as `state_folder`."""
    folder = state_folder(run)
    return int(folder.name) if folder else 0


def _locked(path: Path, how: int) -> IO | None:
    """A lock that lasts until the stream is closed; None for a reader where no writer has ever left a lock."""
    exclusive = how == fcntl.LOCK_EX
    try:
        stream = os.fdopen(open_file(path / LOCK, flags=os.O_RDWR | os.O_CREAT if exclusive else os.O_RDONLY), "rb")
    except (FileNotFoundError, PermissionError):
        if exclusive:
            raise
        return None
    try:
        fcntl.flock(stream, how | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise UserError(
            f"run directory {path} is in use by another process: wait for it, stop it, or choose another run_dir."
        ) from None
    return stream
