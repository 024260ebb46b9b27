"""Lines `user item item ...` of any ids, separated by blanks or tabs: the commonest form of public data sets."""

from __future__ import annotations

from collections import Counter

import numpy as np

from data_prep.delimited import DELIMITERS, as_texts
from data_prep.errors import UserError
from data_prep.ids import Texts
from data_prep.meanings import USUAL_NAMES, without_types
from data_prep.parquet import is_parquet
from data_prep.tables import check_ids
from data_prep.text_blocks import Opened, as_opened, blocks_of
from data_prep.text_column import TextColumn

SAMPLE = 200  # lines by which a file is judged
MOST_ALIKE = 0.9  # a table with a faulty line has more lines of one width, lists of items fewer


def looks_like_lines(content: bytes | Opened, file: str) -> bool:
    """Blank- or tab-separated lines of unequal lengths, without a header: no table, but lists of items."""
    with as_opened(content)() as stream:
        begin = stream.read(1 << 20)
    if is_parquet(begin, file):
        return False
    lines = begin.decode("utf-8", "replace").rstrip("\r\n").split("\n")[:SAMPLE]
    words = set(without_types(lines[0].lower().split()))
    others = [delimiter for delimiter in DELIMITERS if delimiter.strip()]
    if any(words & set(usual) for usual in USUAL_NAMES.values()) or any(d in line for d in others for line in lines):
        return False
    if len({line.count("\t") for line in lines}) == 1 and "\t" in lines[0]:
        return False
    widths = Counter(len(line.split()) for line in lines)
    return len(widths) > 1 and (len(lines) < 10 or max(widths.values()) <= MOST_ALIKE * len(lines))


def read_lines(content: bytes | Opened, file: str) -> tuple[Texts, Texts, np.ndarray]:
    """Pairs (user, item) in file order and their line numbers, int64 [n]; a line of one word has no pair.

    Raises UserError with file and line for an empty line, or for a word that cannot be an id.
    """
    users, items, lines = TextColumn(), TextColumn(), []
    for text, first in blocks_of(content, file, quoted=False):
        lengths = np.array([len(line.split()) for line in text.decode().split("\n")])
        if not lengths.all():
            raise UserError(f"{file}, line {int(lengths.argmin()) + first}: the line is empty. Delete it.")
        words = as_texts(np.array(text.decode().split(), object))
        codes, values = words.codes, words.values
        starts = np.cumsum(lengths) - lengths
        is_item = np.ones(len(codes), bool)
        is_item[starts] = False
        users.add(Texts(np.repeat(codes[starts], lengths - 1), values))
        items.add(Texts(codes[is_item], values))
        lines.append(np.repeat(np.arange(first, first + len(lengths)), lengths - 1))
    return _checked(users.texts(), items.texts(), np.concatenate(lines), file)


def _checked(users: Texts, items: Texts, lines: np.ndarray, file: str) -> tuple[Texts, Texts, np.ndarray]:
    for column, meaning in ((users, "user"), (items, "item")):
        check_ids(column, meaning, file, lambda row: int(lines[row]))
    return users, items, lines
