"""Texts that the program itself writes into a run, read back from one that may come from a stranger."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

from data_prep.errors import UserError
from data_prep.files import read_file

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
MOST_TEXT = 16 << 20  # bytes of such a text


def read_text(path: Path) -> str:
    """Raises NotRegular for a link or a pipe, ValueError for a huge file or one that is no text, and OSError."""
    return read_file(path, most=MOST_TEXT).decode()
