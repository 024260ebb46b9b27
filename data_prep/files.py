"""Files that are complete or absent, and files that a stranger may have made: opened without following links.

A folder that somebody sent may hold a symbolic link to any file of this machine, or a pipe that never ends. Whatever
lies below `root` is therefore opened part by part without following links, and must be a regular file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from data_prep.entries import NotRegular
from data_prep.errors import UserError

PARTIAL = ".partial"  # the ending of what is being written
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_file(path: Path | str, root: Path | str | None = None, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
    """A descriptor of a regular file; flags and mode as of `os.open`.

    root: the folder below which nothing may be a link; the folder of the file if not given, so that only the file
    itself may be none. Raises NotRegular, and OSError as `os.open` does.
    """
    path = Path(path)
    with _opened(path.parent, root) as folder:
        try:
            handle = os.open(path.name, flags | _FILE, mode, dir_fd=folder)
        except OSError:
            if _is_other(path.name, folder):
                raise NotRegular(path) from None
            raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegular(path)
    return handle


def reading(path: Path | str, root: Path | str | None = None) -> BinaryIO:
    """The stream of a regular file; errors as of `open_file`."""
    return os.fdopen(open_file(path, root), "rb")


def read_file(path: Path | str, root: Path | str | None = None, most: int | None = None) -> bytes:
    """most: bytes; raises ValueError for a larger file. Other errors as of `open_file`."""
    with reading(path, root) as stream:
        content = stream.read() if most is None else stream.read(most + 1)
    if most is not None and len(content) > most:
        raise ValueError("it is too large")
    return content


def write_file(
    path: Path | str,
    payload: bytes,
    root: Path | str | None = None,
    *,
    replace: bool = True,
    advice: str = "Files written before are intact; free space, or choose another place.",
) -> None:
    """Writes aside, syncs, renames and syncs the folder: the file is complete or absent, whatever happens.

    root: as in `open_file`. replace: whether a file of this name may be there already; if not, raises
    FileExistsError. advice: how to go on, for the UserError that says what cannot be written.
    """
    path = Path(path)
    try:
        with _opened(path.parent, root) as folder:
            aside = f"{path.name}.{os.urandom(6).hex()}{PARTIAL}"
            try:
                _write(aside, payload, folder)
                if not replace and _linked(aside, path.name, folder):
                    os.unlink(aside, dir_fd=folder)  # the other name stays
                else:
                    os.replace(aside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except Exception:
                with suppress(OSError):
                    os.unlink(aside, dir_fd=folder)
                raise
            os.fsync(folder)
    except FileExistsError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {path} ({len(payload) / 1e6:.1f} MB): {error.strerror}. {advice}") from error


def check_writable(path: Path | str, key: str) -> None:
    """Raises UserError, before anything is computed, where the file that a person named by `key` cannot be written."""
    path = Path(path)
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"{key}={path} cannot be written: name a file in a folder that exists and that you may write to."
        )


def make_folder(path: Path | str, root: Path | str) -> Path:
    """The folder, made where it is not there yet; no part of it below root, which is there, may be a link."""
    path, so_far = Path(path), Path(root)
    for part in path.relative_to(so_far).parts:
        with _opened(so_far, root) as folder, suppress(FileExistsError):
            os.mkdir(part, dir_fd=folder)
            os.fsync(folder)
        so_far /= part
    with _opened(path, root):
        return path


def sync_folder(path: Path | str) -> None:
    """Makes the names in a folder last."""
    handle = os.open(path, _FOLDER)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(name: str, payload: bytes, folder: int) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o666, dir_fd=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(payload)
        stream.flush()
        os.fsync(stream.fileno())


def _linked(aside: str, name: str, folder: int) -> bool:
    """Gives a new name to what lies aside; FileExistsError where somebody else was first.

    A file system without hard links gets an empty file of that name, to be replaced at once: False.
    """
    try:
        os.link(aside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        return True
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o666, dir_fd=folder))
        return False


@contextmanager
def _opened(path: Path, root: Path | str | None) -> Iterator[int]:
    """A descriptor of a folder, reached from root without a link."""
    so_far = Path(path if root is None else root)
    handle = os.open(so_far, _FOLDER)
    try:
        for part in path.relative_to(so_far).parts:
            so_far /= part
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
            except OSError:
                if _is_other(part, handle, folder_wanted=True):
                    raise NotRegular(so_far) from None
                raise
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _is_other(name: str, folder: int, *, folder_wanted: bool = False) -> bool:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return False
    return not (stat.S_ISDIR(mode) if folder_wanted else stat.S_ISREG(mode))
