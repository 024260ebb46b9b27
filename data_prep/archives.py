"""The bytes of a file: plain, gzip, or a member of a zip or tar archive. Nothing is unpacked to disk.

Archives are refused whole when a member's name leaves the archive or is a link, and when a member
unpacks to far more than data of its packed size could hold.
"""

from __future__ import annotations

import io
import stat
import sys
import tarfile
import zipfile
import zlib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO

from data_prep.errors import UserError, nearest

# Interaction logs pack 3 to 30 times; 200 leaves room. What stays below the floor may pack at any rate.
MAX_RATIO = 200
SIZE_FLOOR = 1 << 30


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed if they are gzip (whatever the file is called)."""
    try:
        return _gunzip(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def read_archived(path: Path) -> bytes:
    """The content of `path`: a plain file, or `archive.zip/member` (`archive.zip` if there is but one).

    Raises UserError when nothing is there, or when the archive is unsafe.
    """
    archive = archive_of(path)
    if archive is None:
        problem = "is a folder: name a file in it" if path.is_dir() else "does not exist"
        raise UserError(f"The file {path} {problem} (current folder: {Path.cwd()}).")
    content = read_bytes(archive)
    member = path.relative_to(archive).as_posix()
    if content[:4] == b"PK\x03\x04":
        return _gunzip(_zip_member(archive, content, member), archive)
    if content[257:262] == b"ustar":
        return _gunzip(_tar_member(archive, content, member), archive)
    if member != ".":
        raise UserError(f"{path}: {archive} is neither a folder nor a zip or tar archive.")
    return content


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
    if raw[:2] != b"\x1f\x8b":
        return raw
    parts, size, lines, limit = [], 0, 0, most(len(raw))
    try:
        while raw:
            stream = zlib.decompressobj(wbits=31)
            while not stream.eof:
                part = stream.decompress(raw, 1 << 24)
                raw = stream.unconsumed_tail
                if not part and not raw and not stream.eof:
                    raise zlib.error("the file ends too early")
                parts.append(part)
                size += len(part)
                lines += part.count(b"\n")
                if size > limit:
                    raise _bomb(path, "the content", size)
            raw = stream.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise UserError(
            f"{path}, line {lines + 1}: the gzip data are cut short or damaged ({error}). Fetch the file again."
        ) from None
    return b"".join(parts)


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
