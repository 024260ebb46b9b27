"""Who does a job: one process at a time, by a lock under its hash in the folder of the runs."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from data_prep.files import open_file
from recsys_cli.jobs.identity import job_hash

if TYPE_CHECKING:
    from omegaconf import DictConfig

FOLDER = ".jobs"  # under runs_dir: locks, and the output of jobs that have no run directory yet


def workplace(cfg: DictConfig) -> Path:
    """The folder, made. Raises UserError where it cannot be."""
    folder = (Path(cfg.run_dir).parent if cfg.run_dir else Path(cfg.runs_dir).expanduser()) / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make a folder in {folder.parent}: {error.strerror}. Choose another runs_dir."
        ) from error
    return folder


class Claim:
    """A lock that ends with `release`, or with this process, however that ends."""

    def __init__(self, path: Path, handle: int):
        self._path, self._handle = path, handle

    @classmethod
    def take(cls, cfg: DictConfig) -> Claim | None:
        """None where another has it. Raises UserError where nothing can be written."""
        path = workplace(cfg) / f"{job_hash(cfg)}.lock"
        while True:
            try:
                handle = open_file(path, flags=os.O_RDWR | os.O_CREAT)
            except FileNotFoundError:  # whoever was last has just removed the folder
                workplace(cfg)
                continue
            except OSError as error:
                raise UserError(f"cannot write {path}: {error.strerror}. Choose another runs_dir.") from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return None
            with suppress(FileNotFoundError):
                if os.stat(path).st_ino == os.fstat(handle).st_ino:
                    return cls(path, handle)
            os.close(handle)  # it was removed between opening and locking

    def release(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        os.close(self._handle)
        with suppress(OSError):
            self._path.parent.rmdir()  # if it is empty
