"""The states of a run on disk: each is complete or absent, and one is current.

RUN/generations/N              a complete state (generation.py)
RUN/generations/N.partial      the next one, while it is built
RUN/current -> generations/N   the one commit point: a symbolic link, replaced by a rename

That link is the only one that is followed, and only where it leads to such a folder.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from data_prep.entries import all_files, check_folder, is_folder, strangeness
from data_prep.errors import UserError
from data_prep.files import sync_folder
from recsys_cli.runs.directory import CURRENT, GENERATIONS, state_folder


class Generations:
    def __init__(self, run: Path):
        self.run, self.folder = run, run / GENERATIONS

    @property
    def exists(self) -> bool:
        """Whether there is a complete state."""
        return (self.run / CURRENT).is_symlink()

    @property
    def current(self) -> Path:
        """The folder of the current state. Raises UserError where there is none, or the link leads elsewhere."""
        folder = state_folder(self.run)
        if folder is None:
            raise UserError(f"the training of {self.run} has not come to its end: recsys train resume={self.run}")
        return folder

    @property
    def next(self) -> int:
        return int(self.current.name) + 1 if self.exists else 0

    def refuse_strange(self) -> None:
        """Refuses a current state with anything in it but files and folders, before a byte of it is read."""
        for file in all_files(self.current):
            if not is_folder(file) and (why := strangeness(file)):
                raise UserError(f"{file} is {why}, which no state of a run holds: nothing is done. Remove it.")

    def begin(self) -> Path:
        """The folder in which the next state is built; a try that was cut off goes on."""
        partial, complete = self.folder / f"{self.next}.partial", self.folder / str(self.next)
        for folder in (self.folder, partial, complete):
            check_folder(folder)
        if complete.exists():  # cut off between the two renames of `commit`
            shutil.rmtree(partial, ignore_errors=True)
            complete.rename(partial)
        partial.mkdir(parents=True, exist_ok=True)
        for leftover in list(all_files(partial)):
            if not is_folder(leftover) and strangeness(leftover):
                leftover.unlink()
        for leftover in sorted(partial.rglob("*.partial")):  # not written to their end
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        return partial

    def commit(self, partial: Path) -> Path:
        """Makes the state complete, then current: the old one holds until the last rename."""
        complete = self.folder / partial.name.removesuffix(".partial")
        for folder, _, _ in os.walk(partial):  # files are synced when written; this makes their names last
            sync_folder(folder)
        partial.rename(complete)
        sync_folder(self.folder)
        aside = self.run / f"{CURRENT}.partial"
        aside.unlink(missing_ok=True)
        aside.symlink_to(Path(self.folder.name) / complete.name)
        aside.replace(self.run / CURRENT)
        sync_folder(self.run)
        return complete

    def sweep(self, *, unfinished: bool = False) -> None:
        """Removes the states before the current one and, if asked, what there is of the next."""
        current = self.current
        for folder in self.folder.glob("*"):
            number = folder.name.removesuffix(".partial")
            if not number.isdecimal() or not is_folder(folder):
                continue  # not from here; `verify` names it
            if folder != current and (int(number) < self.next or unfinished):
                shutil.rmtree(folder)
