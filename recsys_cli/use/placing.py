"""A file or a folder of a name that a person gave: complete or absent, and never over something else unasked."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import PARTIAL, check_writable, sync_folder

MANIFEST = "export.json"  # in a folder that may be replaced by another export


def check_place(path: Path, *, folder: bool, overwrite: bool) -> None:
    """Raises UserError, before anything is computed, where nothing can be put or something is in the way."""
    if not os.path.lexists(path):
        check_writable(path, "out")
        return
    if not overwrite:
        raise UserError(f"out={path} is there already: choose another out=, or say overwrite=true to replace it.")
    ours = (path / MANIFEST).is_file() if folder else path.is_file()
    if path.is_symlink() or not ours:
        kind = "a folder that an export has made" if folder else "a file"
        raise UserError(f"out={path} is not {kind}, and is not replaced: choose another out=, or remove it.")


@contextmanager
def placed(path: Path, *, folder: bool, overwrite: bool) -> Iterator[Path]:
    """A path aside, to be filled with a file or (folder: it is there) a folder, which gets its name when all is written
    and synced. Raises UserError as `check_place`, and where it cannot be written."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}{PARTIAL}")
    try:
        if folder:
            aside.mkdir()
        yield aside
        _sync(aside)
        check_place(path, folder=folder, overwrite=overwrite)  # it may have come in the meantime
        old = path.with_name(f"{path.name}.{secrets.token_hex(6)}{PARTIAL}")
        if folder and path.exists():
            os.rename(path, old)
        elif not folder and not overwrite:
            os.link(aside, path)  # refuses what has come this very moment
        if folder or overwrite:
            os.rename(aside, path)
        sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise UserError(f"cannot write out={path}: {error.strerror or error}. Nothing is left of it.") from error
    finally:
        _remove(aside)


def _sync(path: Path) -> None:
    """Every file and folder, the innermost first."""
    if path.is_file():
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
        return
    for inner in path.iterdir():
        _sync(inner)
    sync_folder(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
