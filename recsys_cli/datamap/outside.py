"""What lies outside of a run and comes from the same people: raw files, prepared copies, other runs, exports, tables."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from recsys_cli.datamap.places import IDS, LEARNT, ROWS, VALUES, Place
from recsys_cli.runs.config import CONFIG, read_settings
from recsys_cli.runs.record import read_record

YOURS = "yours: no request touches it"
NAMES_A_RUN = ("model.pretrained", "model.then", "resume")
MOST = 1 << 24  # bytes of a description that is read
NEVER = {".git", "__pycache__"}


def sources(settings: Mapping[str, Any]) -> list[Place]:
    """Raw files, prepared copies and vectors that the config of a run names."""
    from data_prep.options import cache_directory, read_options
    from data_prep.sources import raw_status

    options, found = read_options(settings["data"]), []
    with suppress(UserError):  # they are gone
        found = [Place(path, "raw data", ROWS, YOURS) for _, path, _ in raw_status(settings["data"]) if path]
    prepared = cache_directory(options) / "prepared"
    folders = sorted({*prepared.glob(f"{options['name']}-*"), *prepared.glob(f".{options['name']}-*")})
    found += [Place(folder, "a prepared copy of the data, in the cache", ROWS, YOURS) for folder in folders]
    vectors = settings.get("unlearning", {}).get("partition_vectors", "trained")
    if vectors not in ("trained", "random"):
        found.append(Place(Path(vectors), "vectors that the shards were made by", LEARNT, YOURS))
    return found


def derived(run: Path, settings: Mapping[str, Any], record: Mapping[str, Any], folders: Sequence[Path]) -> list[Place]:
    """What in these folders, at any depth, comes from the run or from the same data. settings: of its config. Links are
    not followed, and nothing in other runs is looked into."""
    own, found = run.resolve(), []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"folders: {folder} is no folder.")
        for place, names in _walk(folder, own):
            if CONFIG in names:
                found += _other_run(place, own, settings, record)
                continue
            found += [made for name in sorted(names) if (made := _made(place / name, own, record))]
    return list({made.path.resolve(): made for made in found}.values())


def _walk(folder: Path, own: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and their files; not below a run."""
    for place, below, names in os.walk(folder):
        here = Path(place)
        if here.resolve() == own:
            below.clear()
            continue
        below[:] = sorted(name for name in below if name not in NEVER)
        if CONFIG in names:
            below.clear()
        yield here, names


def _other_run(path: Path, own: Path, settings: Mapping[str, Any], record: Mapping[str, Any]) -> list[Place]:
    try:
        its, kept = read_settings(path), read_record(path)
    except UserError:
        return []
    for key in NAMES_A_RUN:
        value: Any = its
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and Path(value).expanduser().resolve() == own:
            return [Place(path, f"a run that was made from this one ({key})", LEARNT, f"{YOURS}; map it as well")]
    same = (kept.get("data_hash") and kept.get("data_hash") == record.get("data_hash")) or _same_data(its, settings)
    return [Place(path, "another run on the same data", LEARNT, f"{YOURS}; map it as well")] if same else []


def _same_data(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """By what the data was made from: a state that has forgotten rows has another hash than the data it came from."""
    keys = ("source", "name", "path", "raw_dir", "seed")
    return all(one["data"].get(key) == other["data"].get(key) for key in keys)


def _made(file: Path, own: Path, record: Mapping[str, Any]) -> Place | None:
    """What a file is, if the program made it from this run or it lists people."""
    if file.is_symlink() or not file.is_file():
        return None
    if file.name in ("stream.json", "asked.json"):
        runs = _described(file).get("runs", {})
        what = "a stream of requests" if file.name == "stream.json" else "an audit, person by person"
        return Place(file.parent, f"{what} on this run", VALUES, YOURS) if str(own) in runs else None
    if file.name == "export.json":
        same = _described(file).get("data_hash") in (record.get("data_hash"), None)
        return Place(file.parent, "an export of a model of this data", LEARNT, YOURS) if same else None
    if file.suffix == ".npz" and _has_ids(file):
        return Place(file, "exported vectors, by raw id", LEARNT, YOURS)
    if file.suffix == ".csv" and "user" in _header(file):
        lists = {"rank", "item"} <= set(_header(file))
        return Place(file, "recommendations, by raw id" if lists else "a table with raw ids of users", IDS, YOURS)
    return None


def _described(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes()[:MOST])
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _header(file: Path) -> list[str]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return [name.strip() for name in next(csv.reader([stream.readline(1 << 16)]), [])]
    except (OSError, ValueError, csv.Error):
        return []


def _has_ids(file: Path) -> bool:
    """Whether an archive of arrays names people; nothing of it is read but the names of its parts."""
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive:
            return "user_ids.npy" in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
