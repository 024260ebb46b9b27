"""Looks for forgotten rows in prepared data sets, and in the few texts that the program itself writes into a run.

All other files of a run have their hash in the ledger, or do not belong there (own_files.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep.store import MANIFEST
from recsys_cli.data.load import load_prepared
from recsys_cli.unlearning.files import UNREADABLE
from recsys_cli.unlearning.forget_file import Content, Row
from recsys_cli.unlearning.matching import unknown_rows

# A name ends where a word ends, but is no part of a version such as 3.12.4, and no cut-off as in HR@10.
BEFORE, AFTER = r"(?<![^\W_])(?<!\d\.)(?<!@)", r"(?![^\W_])(?!\.\d)"


def prepared_with(cache: Path, name: str, asked: Sequence[Content]) -> list[Path]:
    """The prepared data sets of this name that hold any of the rows, or cannot be read, also those half written."""
    folders = sorted({*cache.glob(f"{name}-*"), *cache.glob(f".{name}-*")})
    return [folder for folder in folders if may_hold(folder, asked)]


def names(document: Any, kind: str, rows: Sequence[Row]) -> bool:
    """Whether the keys and texts of a JSON document name a row: its user and item, or the id, as words in any case."""
    words = " ".join(texts(document)).casefold()

    def named(name: str) -> bool:
        name = name.casefold()
        return name in words and re.search(BEFORE + re.escape(name) + AFTER, words) is not None

    return any(all(map(named, row)) for row in rows)


def texts(document: Any) -> Iterator[str]:
    """All keys and texts in it."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)
    elif isinstance(document, str):
        yield document


def may_hold(folder: Path, asked: Sequence[Content]) -> bool:
    try:
        if folder.is_dir() and not (folder / MANIFEST).exists():
            return any(folder.iterdir())
        dataset = load_prepared(folder)
        return any(not unknown_rows(kind, rows, dataset).all() for kind, rows in asked)
    except UNREADABLE:
        return True
