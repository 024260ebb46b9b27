"""For whom: raw user ids in a list or a file, as internal ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import fault, places

HEADER = "user"


def users_of(wanted: str | Sequence[int | str], user_ids: np.ndarray) -> np.ndarray:
    """Internal ids, int32 [n], of `all`, a list of raw ids, or a file with one raw id per line (a first line `user`,
    where no user is called so, is its header)."""
    if isinstance(wanted, str) and wanted == "all":
        return np.arange(len(user_ids), dtype=np.int32)
    where = f"users={wanted}"
    wanted = _listed(Path(wanted)) if isinstance(wanted, str) else list(wanted)
    if wanted[:1] == [HEADER] and HEADER not in user_ids:  # a file as `recsys unlearn forget=` takes it
        wanted = wanted[1:]
    if not wanted:
        raise UserError(f"{where} names nobody; nothing is written. Give all, or at least one raw user id.")
    return known("users", wanted, user_ids)


def known(what: str, raw: Sequence[int | str], ids: np.ndarray) -> np.ndarray:
    """Internal ids, int32 [n]. what: users or items, as a message calls them. Raises UserError for unknown ones."""
    found = places([str(one) for one in raw], ids)
    unknown = [one for one, place in zip(raw, found) if place < 0]
    if unknown:
        raise UserError(
            f"{len(unknown)} of {len(raw)} {what} are not in the training data, such as "
            f"{', '.join(repr(str(one)) for one in unknown[:5])}; ids are those of the raw data, letter by letter, "
            f"e.g. {ids[0]}."
        )
    return found.astype(np.int32)


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(
            f"users={path}: there is no such file; give all, a list such as "
            "users=[17,42], or a file with one raw user id per line."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"users={path} is not a text file with one raw user id per line: {error}.") from None
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text.strip() else []
    for number, line in enumerate(lines, 1):
        if problem := fault(line):
            raise UserError(f"users={path}, line {number}: the user {line[:40]!r} {problem}. Mend the line.")
    return lines
