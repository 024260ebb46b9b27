"""Files of a run that may come from a stranger: listed without following links, opened only where they are regular."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

from data_prep.errors import UserError

# What reading a file with any other content than expected may raise.
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    RecursionError,
    BadZipFile,
    UserError,
)
MOST_TEXT = 16 << 20  # bytes of a text file that the program itself writes into a run


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


def strangeness(path: Path) -> str | None:
    """Why a path is not to be opened, in words; None for a regular file. Raises OSError where there is nothing."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return None
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe"}
    return kinds.get(stat.S_IFMT(mode), "a device or socket")


def is_folder(path: Path) -> bool:
    """A folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def refuse_link(folder: Path) -> None:
    """Before anything is written or deleted below a folder of a run, if it is there at all."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(
            f"{folder} is not a folder of the run but {strangeness(folder) or 'a file'}, as if somebody had put it "
            "there: nothing is done through it. Remove it, or put back the folder."
        )


def read_text(path: Path) -> str:
    """Of a file of the program's own. Raises ValueError for what is none: a link, a pipe, a huge file."""
    if why := strangeness(path):
        raise ValueError(f"it is {why}")
    if path.stat().st_size > MOST_TEXT:
        raise ValueError("it is too large")
    return path.read_bytes().decode()
