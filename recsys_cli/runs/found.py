"""Run directories below folders, at any depth, without following links."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from data_prep.errors import UserError
from recsys_cli.runs.config import CONFIG


def is_run(path: Path) -> bool:
    return (path / CONFIG).is_file()


def run_folders(root: Path) -> Iterator[Path]:
    """Every run under a folder, in the order of their paths; none inside of a run, none in hidden folders."""
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if CONFIG in files:
            folders.clear()
            yield Path(place)


def runs_below(folder: Path) -> list[Path]:
    """As `run_folders`. Raises UserError where there is no such folder."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {state}: name a run directory, or a folder with run directories in it.")
    return list(run_folders(folder))


def named_runs(paths: Iterable[Path]) -> list[Path]:
    """The runs among the paths and those in folders among them, each once, in the order in which they are named."""
    found: dict[Path, Path] = {}
    for path in paths:
        below = [path] if is_run(path) else runs_below(path)
        if not below:
            raise UserError(f"{path} holds no run directory: `recsys train` prints where a run lies.")
        for run in below:
            found.setdefault(run.resolve(), run)
    return list(found.values())
