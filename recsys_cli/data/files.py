"""Files that are complete or absent."""

from __future__ import annotations

import os
from pathlib import Path

from data_prep.errors import UserError


def write_file(path: Path, payload: bytes) -> None:
    """Writes aside, syncs, renames: the file is complete or absent."""
    aside = path.with_name(path.name + ".partial")
    try:
        with open(aside, "wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {path} ({len(payload) / 1e6:.1f} MB): {error.strerror}. Files written before are intact; "
            "free space or choose another run_dir, then continue with resume=."
        ) from error
