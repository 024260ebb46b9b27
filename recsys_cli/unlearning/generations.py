"""The states of a run on disk: each is complete or absent, and one is current.

RUN/generations/N              a complete state (generation.py)
RUN/generations/N.partial      the next one, while it is built
RUN/current -> generations/N   the one commit point: a symbolic link, replaced by a rename
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Generations:
    def __init__(self, run: Path):
        self.run, self.folder = run, run / "generations"

    @property
    def current(self) -> Path | None:
        link = self.run / "current"
        return self.run / os.readlink(link) if link.is_symlink() else None

    @property
    def next(self) -> int:
        return int(self.current.name) + 1 if self.current else 0

    def begin(self) -> Path:
        """The folder in which the next state is built; a try that was cut off goes on."""
        partial, complete = self.folder / f"{self.next}.partial", self.folder / str(self.next)
        if complete.exists():  # cut off between the two renames of `commit`
            shutil.rmtree(partial, ignore_errors=True)
            complete.rename(partial)
        partial.mkdir(parents=True, exist_ok=True)
        for leftover in sorted(partial.rglob("*.partial")):  # not written to their end
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        return partial

    def commit(self, partial: Path) -> Path:
        """Makes the state complete, then current: the old one holds until the last rename."""
        complete = self.folder / partial.name.removesuffix(".partial")
        _sync_folders(partial)
        partial.rename(complete)
        _sync(self.folder)
        aside = self.run / "current.partial"
        aside.unlink(missing_ok=True)
        aside.symlink_to(Path(self.folder.name) / complete.name)
        aside.replace(self.run / "current")
        _sync(self.run)
        return complete

    def sweep(self, *, unfinished: bool = False) -> None:
        """Removes the states before the current one and, if asked, what there is of the next."""
        for folder in self.folder.glob("*"):
            number = folder.name.removesuffix(".partial")
            if not number.isdecimal():
                continue  # not from here; `verify` names it
            if folder != self.current and (int(number) < self.next or unfinished):
                shutil.rmtree(folder)


def _sync_folders(root: Path) -> None:
    """Files are synced when written; this makes their names last."""
    for folder, _, _ in os.walk(root):
        _sync(Path(folder))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
