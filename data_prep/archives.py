"""The bytes of a file: plain, gzip, or a member of a zip or tar archive. Nothing is unpacked to disk.

Archives are refused whole when a member's name leaves the archive or is a link, and when a member
unpacks to far more than data of its packed size could hold.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from data_prep.errors import UserError, nearest

# Interaction logs pack 3 to 30 times; 200 leaves room. What stays below the floor may pack at any rate.
MAX_RATIO = 200
SIZE_FLOOR = 1 << 30
PART = 1 << 24  # bytes unpacked at a time


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed if they are gzip (whatever the file is called)."""
    with open_bytes(path) as stream:
        return stream.read()


def open_bytes(path: Path) -> BinaryIO:
    """The same as a stream, of which little is in memory at a time."""
    try:
        stream = path.open("rb")
        is_packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    return io.BufferedReader(_Unpacked(stream, path), 1 << 20) if is_packed else stream


class _Unpacked(io.RawIOBase):
    """The content of a gzip file."""

    def __init__(self, packed: BinaryIO, path: Path):
        self._packed, self._path, self._left = packed, path, b""
        self._parts = _unpacked(packed, path, os.fstat(packed.fileno()).st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._left and (part := next(self._parts, None)) is not None:
            self._left = part
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._packed.close()
        super().close()


def read_archived(path: Path) -> bytes:
    """The content of `path`: a plain file, or `archive.zip/member` (`archive.zip` if there is but one).

    Raises UserError when nothing is there, or when the archive is unsafe.
    """
    with open_archived(path)() as stream:
        return stream.read()


def open_archived(path: Path) -> Callable[[], BinaryIO]:
    """The same as a function that opens it. A member of an archive is read here and now; a file is not to change
    between one opening and the next.
    """
    archive = archive_of(path)
    if archive is None:
        problem = "is a folder: name a file in it" if path.is_dir() else "does not exist"
        raise UserError(f"The file {path} {problem} (current folder: {Path.cwd()}).")
    member = path.relative_to(archive).as_posix()
    with open_bytes(archive) as stream:
        begin = stream.read(512)
    for is_one, member_of in ((begin[:4] == b"PK\x03\x04", _zip_member), (begin[257:262] == b"ustar", _tar_member)):
        if is_one:
            content = _gunzip(member_of(archive, read_bytes(archive), member), archive)
            return lambda: io.BytesIO(content)
    if member != ".":
        raise UserError(f"{path}: {archive} is neither a folder nor a zip or tar archive.")
    return _unchanging(archive)


def _unchanging(path: Path) -> Callable[[], BinaryIO]:
    """Opens a file; UserError where it is no longer the one that it is now."""

    def seen() -> tuple[int, int, int]:
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def opened() -> BinaryIO:
        stream = open_bytes(path)
        if seen() != first:
            stream.close()
            raise UserError(f"{path} was changed while it was read. Try again when nothing writes to it.")
        return stream

    first = seen()
    return opened


def archive_of(path: Path) -> Path | None:
    """The file that `path` is or lies in."""
    return next((place for place in (path, *path.parents) if place.is_file()), None)


@cache
def read_stream(path: str) -> bytes:
    """All of standard input (-) or of a pipe, decompressed if it is gzip: once, for all jobs of this process."""
    if path == "-" and sys.stdin.isatty():
        raise UserError("data.path=- reads what is piped in, and nothing is: zcat log.csv.gz | recsys ... data.path=-")
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as stream:
            return _gunzip(stream.read(), Path(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def most(packed: int) -> int:
    """How many bytes so many packed ones can honestly hold."""
    return max(SIZE_FLOOR, MAX_RATIO * packed)


def _bomb(archive: Path, name: str, size: int) -> UserError:
    return UserError(
        f"{archive}: {name} unpacks to more than {size >> 20} MiB, over {MAX_RATIO} times its packed "
        "size: this looks like a decompression bomb. Unpack it by hand if you trust it."
    )


def _read(archive: Path, name: str, stream: IO[bytes], size: int, packed: int) -> bytes:
    """A member, which says that it has `size` bytes: no more are read, and none where they are too many."""
    if size > most(packed):
        raise _bomb(archive, name, size)
    return stream.read(size)


def _gunzip(raw: bytes, path: Path) -> bytes:
    return b"".join(_unpacked(io.BytesIO(raw), path, len(raw))) if raw[:2] == b"\x1f\x8b" else raw


def _unpacked(packed: BinaryIO, path: Path, packed_size: int) -> Iterator[bytes]:
    """The content of a gzip stream in parts, one member after the other."""
    size, lines, limit, raw = 0, 0, most(packed_size), packed.read(PART)
    try:
        while raw:
            stream = zlib.decompressobj(wbits=31)
            while not stream.eof:
                part = stream.decompress(raw, PART)
                raw = stream.unconsumed_tail or (b"" if stream.eof else packed.read(PART))
                if not part and not raw and not stream.eof:
                    raise zlib.error("the file ends too early")
                size += len(part)
                lines += part.count(b"\n")
                if size > limit:
                    raise _bomb(path, "the content", size)
                yield part
            raw = (stream.unused_data or packed.read(PART)).lstrip(b"\0")
    except zlib.error as error:
        raise UserError(
            f"{path}, line {lines + 1}: the gzip data are cut short or damaged ({error}). Fetch the file again."
        ) from None


def _zip_member(archive: Path, content: bytes, wanted: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            infos = {info.filename: info for info in packed.infolist() if not info.is_dir()}
            links = [name for name, info in infos.items() if stat.S_ISLNK(info.external_attr >> 16)]
            name = _choose(archive, list(infos), links, wanted)
            if infos[name].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotImplementedError(f"{name} is packed by a rare method")
            with packed.open(name) as member:  # zipfile itself refuses what goes on beyond the size it has in the list
                return _read(archive, name, member, infos[name].file_size, len(content))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{archive} is damaged or cannot be unpacked: {error}. Fetch it again.") from None


def _tar_member(archive: Path, content: bytes, wanted: str) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as packed:
            infos = {info.name: info for info in packed.getmembers() if not info.isdir()}
            links = [name for name, info in infos.items() if not info.isfile()]
            name = _choose(archive, list(infos), links, wanted)
            member = packed.extractfile(infos[name])
            assert member is not None, "what is no file has been refused"
            return _read(archive, name, member, infos[name].size, len(content))
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{archive} is damaged or cannot be unpacked: {error}. Fetch it again.") from None


def _choose(archive: Path, names: list[str], links: list[str], wanted: str) -> str:
    for name in names:
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or name in links:
            kind = "is a link or special file" if name in links else "points outside the archive"
            raise UserError(f"{archive}: the member {name!r} {kind}; such an archive is not read.")
    if wanted in names:
        return wanted
    if wanted == "." and len(names) == 1:
        return names[0]
    if wanted == ".":
        raise UserError(f"{archive} holds {len(names)} files: say {archive}/<file>.{nearest('', names)}")
    raise UserError(f"{archive} has no member {wanted!r}.{nearest(wanted, names)}")
