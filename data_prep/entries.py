"""What lies at a path, told without following links: in a folder that a stranger made, it may be anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from data_prep.errors import UserError

_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe"}


class NotRegular(UserError):
    """A link, a pipe or a device where a regular file or a folder has to be."""

    def __init__(self, path: Path):
        super().__init__(
            f"{path} is a symbolic link or no regular file, and is not opened: put the file or folder itself there, "
            "or remove it."
        )


def strangeness(path: Path) -> str | None:
    """Why a path is not to be opened, in words; None for a regular file. Raises OSError where there is nothing."""
    mode = path.lstat().st_mode
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "a device or socket")


def is_folder(path: Path) -> bool:
    """A folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def check_folder(path: Path) -> None:
    """Raises NotRegular for anything but a folder, before something is written or deleted below it; there may be none."""
    if os.path.lexists(path) and not is_folder(path):
        raise NotRegular(path)


def all_files(root: Path) -> Iterator[Path]:
    """Everything but folders, in order of the names; also links (not followed), empty folders, and those that
    cannot be opened."""
    closed: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=lambda error: closed.append(Path(error.filename))):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted(names + links))
        if not (folders or names) and Path(folder) != root:
            yield Path(folder)
        folders.sort()
    yield from closed
