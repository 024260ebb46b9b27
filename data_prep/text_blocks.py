"""Text in blocks of whole lines, so that a file of any size is read in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from data_prep.errors import UserError

BLOCK = 1 << 22  # bytes
Opened = Callable[[], BinaryIO]  # the content of a file from its beginning, each time it is called


class Block(NamedTuple):
    """text: whole lines in plain form, without the end of the last one. first: the number of its first line, from 1."""

    text: bytes
    first: int


def as_opened(content: bytes | Opened) -> Opened:
    return (lambda: io.BytesIO(content)) if isinstance(content, bytes) else content


def blocks_of(content: bytes | Opened, file: str, quoted: bool = True) -> Iterator[Block]:
    """The blocks of a text file: without byte order mark, with plain line ends, without line ends at its very end.

    quoted: a line end may stand within quotation marks; from the first such mark on, the rest of the file is one block.
    Raises UserError with file and line for what is no UTF-8 text, and for an empty file.
    """
    first, rest, ended = 1, b"", False
    with as_opened(content)() as stream:
        ahead = stream.read(BLOCK).removeprefix(b"\xef\xbb\xbf")
        while not ended:
            chunk, ahead = ahead, stream.read(BLOCK)
            if quoted and b'"' in chunk:
                chunk, ahead = chunk + ahead + stream.read(), b""
            ended = not ahead
            rest += chunk
            end = len(rest.rstrip(b"\r\n"))
            cut = end if ended else rest.rfind(b"\n", 0, end) + 1  # 0: no whole line yet
            if cut:
                yield Block(_plain(rest[:cut], first, file).removesuffix(b"" if ended else b"\n"), first)
                first += rest.count(b"\n", 0, cut)
                rest = rest[cut:]
    if first == 1 and not end:
        raise UserError(f"{file} is empty.")


def _plain(text: bytes, first: int, file: str) -> bytes:
    _refuse_byte(text, b"\0", first, file, "a NUL, which text does not have. Give CSV, TSV or Parquet.")
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + first
            raise UserError(f"{file}, line {line}: not UTF-8 text ({error.reason}). Convert it to UTF-8.") from None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
        _refuse_byte(text, b"\r", first, file, "a carriage return within the line. Mend the line.")
    return text


def _refuse_byte(text: bytes, byte: bytes, first: int, file: str, what: str) -> None:
    place = text.find(byte)
    if place >= 0:
        line = text.count(b"\n", 0, place) + first
        raise UserError(f"{file}, line {line}: {what}")
