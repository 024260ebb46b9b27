"""Raw files: found on disk or downloaded, decompressed, and checked against the recorded checksums."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.archives import archive_of, open_archived, read_archived, read_bytes, read_stream
from data_prep.download import download
from data_prep.errors import UserError
from data_prep.options import cache_directory, read_options
from data_prep.settle import is_stream
from data_prep.text_blocks import Opened, as_opened

BASE_URL = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class RawFile:
    """One raw file: what the configuration says of it (`spec`), and its decompressed content, as often as it is opened."""

    spec: dict[str, Any]
    open: Opened
    sha256: str
    size: int

    @property
    def content(self) -> bytes:
        with self.open() as stream:
            return stream.read()


def locate(options: dict[str, Any]) -> tuple[list[RawFile], list[str]]:
    """Every raw file that the options call for, and notes on what was left out or not verified.

    Raises UserError for a file that is missing, damaged or not the recorded one.
    """
    recorded = _recorded(options)
    found, notes = [], []
    for spec in options["files"]:
        record = recorded.get(spec["file"])
        if not _is_wanted(spec, options):
            notes.append(_left_out(spec, options, record))
            continue
        path = find(spec, options)
        if path is None and spec.get("optional"):
            notes.append(f"{spec['file']} is not there; the data set does without.")
            continue
        if "path" in spec and record is None and not is_stream(spec["path"]):
            found.append(_own(spec))
            continue
        content = _content(spec, options, record, path)
        problem = mismatch(content, record)
        if problem and options["verify"]:
            raise UserError(
                f"{path} is not the {spec['file']} recorded for {options['name']}: {problem}. "
                f"{_origin(record)} Replace it, or use it as it is with data.verify=false."
            )
        if problem:
            notes.append(f"{spec['file']} is not the recorded file ({problem}); data.verify=false.")
        found.append(RawFile(spec, as_opened(content), hashlib.sha256(content).hexdigest(), len(content)))
    return found, notes


def raw_status(data_cfg: Mapping[str, Any]) -> list[tuple[str, Path | None, str | None]]:
    """(file, where it lies or None, download address or None) of every raw file that is called for."""
    options = read_options(data_cfg)
    recorded = _recorded(options)
    wanted = [spec for spec in options["files"] if _is_wanted(spec, options)]
    return [(spec["file"], find(spec, options), _url(recorded.get(spec["file"]))) for spec in wanted]


def find(spec: dict[str, Any], options: dict[str, Any]) -> Path | None:
    """The raw file on this machine, if it is here."""
    if "path" in spec:
        return archive_of(Path(spec["path"]).expanduser())
    for place in _places(spec, options):
        for path in (place, place.with_name(place.name + ".gz")):
            if path.is_file():
                return path
    return None


def mismatch(content: bytes, record: dict[str, str] | None) -> str:
    """'' when the content is the recorded one (or none is recorded), else expected and received checksum."""
    if record is None:
        return ""
    kind = "git_blob_sha1" if record["git_blob_sha1"] else "sha256"
    received = git_blob_sha1(content) if record["git_blob_sha1"] else hashlib.sha256(content).hexdigest()
    if received == record[kind]:
        return ""
    return f"expected {kind} {record[kind]}, received {received} ({len(content)} bytes)"


def git_blob_sha1(content: bytes) -> str:
    """What `git hash-object` prints."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _recorded(options: dict[str, Any]) -> dict[str, dict[str, str]]:
    """By file, of a known source; a file of one's own may have the name of one."""
    if options["source"] != "files":
        return {}
    with (Path(__file__).parent / "upstream.csv").open(newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream) if row["dataset"] == options["name"]}


def _is_wanted(spec: dict[str, Any], options: dict[str, Any]) -> bool:
    if spec["role"] == "train" and options["behaviours"] is not None:
        return (spec.get("behaviour") or options["target"]) in options["behaviours"]
    if spec["role"] == "valid":
        return options["validation"] == spec.get("validation", "given")
    return True


def _own(spec: dict[str, Any]) -> RawFile:
    """A file of one's own, which may be far larger than the memory."""
    opened = open_archived(Path(spec["path"]).expanduser())
    digest, size = hashlib.sha256(), 0
    with opened() as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
            size += len(part)
    return RawFile(spec, opened, digest.hexdigest(), size)


def _content(spec: dict[str, Any], options: dict[str, Any], record: dict[str, str] | None, path: Path | None) -> bytes:
    if "path" in spec:
        return read_stream(spec["path"]) if is_stream(spec["path"]) else read_archived(Path(spec["path"]).expanduser())
    if path:
        return read_bytes(path)
    folder = options["raw_dir"] or "<folder>"
    setting = "" if options["raw_dir"] else " and give data.raw_dir=<folder> (or RECSYS_RAW_DIR)"
    how = f"Put it at {folder}/{options['name']}/{spec['file']} (or .gz){setting}. {_origin(record)}"
    how += _without(spec, options)
    url = _url(record)
    if url is None:
        looked = ", ".join(str(place) for place in _places(spec, options))
        raise UserError(f"{options['name']}: {spec['file']} is missing (looked for {looked}). {how}")
    return download(url, _places(spec, options)[-1], lambda content: mismatch(content, record), how)


def _places(spec: dict[str, Any], options: dict[str, Any]) -> list[Path]:
    """Where a raw file may lie, the best first; the last is where a download goes."""
    raw_dir = [Path(options["raw_dir"]).expanduser()] if options["raw_dir"] else []
    local = [place / spec["file"] for folder in raw_dir for place in (folder / options["name"], folder)]
    return [*local, cache_directory(options) / "downloads" / options["name"] / spec["file"]]


def _url(record: dict[str, str] | None) -> str | None:
    if record is None or record["fetch"] != "yes":
        return None
    return f"{BASE_URL}/{record['repository']}/{record['commit']}/{record['path']}"


def _origin(record: dict[str, str] | None) -> str:
    if record is None:
        return "No public source is recorded for it."
    origin = ""
    if record["repository"]:
        origin = f"{record['repository']} at {record['commit'][:12]}, {record['path']}"
    return "It comes from: " + "; ".join(text for text in (origin, record["note"]) if text) + "."


def _without(spec: dict[str, Any], options: dict[str, Any]) -> str:
    if spec["role"] != "train" or spec.get("behaviour") in (None, options["target"]):
        return ""
    kept = ",".join(b for b in options["behaviours"] if b != spec["behaviour"])
    return f" Or do without: data.behaviours=[{kept}]."


def _left_out(spec: dict[str, Any], options: dict[str, Any], record: dict[str, str] | None) -> str:
    if spec["role"] == "valid":
        rule = spec.get("validation", "given")
        return f"{spec['file']} is not used; data.validation={rule} makes it the validation part."
    offered = [s.get("behaviour") or options["target"] for s in options["files"] if s["role"] == "train"]
    chosen = {*options["behaviours"], spec["behaviour"]}
    order = ",".join(b for b in dict.fromkeys(offered) if b in chosen)
    return (
        f"The behaviour '{spec['behaviour']}' ({spec['file']}) is not used; "
        f"data.behaviours=[{order}] adds it. {_origin(record)}"
    )
