"""The options of a data set: completed, checked before any file is read, and hashed into the cache's name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.data_settings import BY_SOURCE, DataSettings, FileSettings
from data_prep.errors import UserError, check_choice, nearest
from data_prep.meanings import check_columns
from data_prep.rating_scale import check_bounds
from data_prep.settings import fields_of, plain
from data_prep.settle import COMPANIONS, STDIN, is_stream, settled
from data_prep.split_options import check_splits

JOINT = "|"  # between the values of data.context in an id
ROLES: tuple[str, ...] = ("train", "valid", "test", "negatives", "friends", "triples", "user_features", "item_features")
ROLES += ("user_ids", "item_ids")
# Options that only these sources know; elsewhere they would be ignored.
ONLY_FOR = {
    "columns": ("csv", "files"), "delimiter": ("csv", "files"), "context": ("csv", "files"), "form": ("csv",),
    "path": ("csv",), "test_path": ("csv",), "valid_path": ("csv",), "n_users": ("files",), "n_items": ("files",),
    "min_rating": ("csv", "files"), "rating_scale": ("csv", "files"), "k_core": ("csv", "files"),
    "user_fields": ("csv", "files"), "item_fields": ("csv", "files"), "numbers": ("csv",),
    **dict.fromkeys(COMPANIONS, ("csv",)),
}  # fmt: skip
UNSET = ("name", "source")  # have no default: they must be given
# These say where bytes lie, not what they are: the checksums of the files stand for them in the cache's name.
PLACES = ("raw_dir", "cache_dir", "verify", "path", "test_path", "valid_path", *COMPANIONS)


def read_options(data_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A plain, complete and checked dict of options from a Hydra node or a dict.

    Raises UserError for names, behaviours, splits and ratios that make no sense.
    """
    given = plain(data_cfg)
    known = fields_of(BY_SOURCE.get(given.get("source", ""), DataSettings))
    options = {name: found.default for name, found in known.items() if name not in UNSET} | given
    if not options.get("source"):
        raise UserError("The data configuration has no 'source': give data.source=...")
    check_choice("data.source", options["source"], BY_SOURCE)
    options |= settled(options)
    if options["source"] == "csv":
        options["files"] = _csv_files(options)
        options["remap_ids"] = True
        options["notes"] = [*options["notes"], *_notes_of_parts(options)]
    if not options.get("name"):
        raise UserError("The data configuration has no 'name': give data.name=...")
    check_word("data.name", options["name"])
    _check_used(options)
    check_columns(options["columns"])
    _check_files(options["files"])
    _check_behaviours(options)
    check_splits(options)
    check_bounds(options["rating_scale"])
    _check_fields(options)
    return options


def prepared_directory(options: dict[str, Any], checksums: list[list[str]]) -> Path:
    """Where the prepared data set lies: named by the sources' bytes, the options and this package's code."""
    text = json.dumps([checksums, content_options(options), _code_hash()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cache_directory(options) / "prepared" / f"{options['name']}-{digest}"


def content_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options that decide what a prepared data set holds."""
    content = {key: value for key, value in options.items() if key not in PLACES}
    content["files"] = [{k: v for k, v in spec.items() if k != "path"} for spec in options["files"]]
    return content


def cache_directory(options: dict[str, Any]) -> Path:
    return Path(options["cache_dir"]).expanduser()


def _code_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _csv_files(options: dict[str, Any]) -> list[dict[str, Any]]:
    if not options["path"]:
        raise UserError(
            "data=csv needs the file to read: data.path=ratings.csv (CSV, TSV or Parquet; also .gz, or a "
            "file inside a .zip or .tar as data.path=archive.zip/ratings.csv)."
        )
    given = {"train": options["path"], "test": options["test_path"], "valid": options["valid_path"]}
    given |= {role: options[key] for key, role in COMPANIONS.items()}
    streams = [path for path in given.values() if path and is_stream(path)]
    if len(streams) > len(set(streams)):
        raise UserError(f"{streams[0]} can be read only once: give the other part as a file.")
    return [
        {"file": "stdin" if path == STDIN else Path(path).name, "path": path, "form": "table", "role": role}
        for role, path in given.items()
        if path
    ]


def _notes_of_parts(options: dict[str, Any]) -> list[str]:
    """What became of the files beside data.path."""
    notes = []
    for part, key, rule in (("test", "test_path", "split"), ("validation", "valid_path", "validation")):
        if options[key] and options[rule] == "given":
            notes.append(f"{Path(options[key]).name} is the {part} part (data.{rule}=given).")
    return notes


def check_word(key: str, value: Any) -> None:
    """UserError unless the value can be part of a file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(value)):
        raise UserError(f"{key}={value!r}: it names files, so use only letters, digits and . _ -")


def _check_files(files: list[Any]) -> None:
    for place, spec in enumerate(files):
        key = f"data.files[{place}]"
        if not isinstance(spec, dict):
            raise UserError(
                f"{key}={spec!r}: a file is a mapping such as {{file: train.txt, form: lines, role: train}}"
            )
        FileSettings.from_config(spec, key)
        if missing := [name for name in ("file", "form", "role") if name not in spec]:
            raise UserError(f"{key}={spec} lacks '{missing[0]}', as in {{file: train.txt, form: lines, role: train}}")
        check_choice(f"role of {spec['file']}", spec["role"], ROLES)
        check_columns(spec.get("columns"))


def _check_used(options: dict[str, Any]) -> None:
    """UserError for an option that would be ignored."""
    source = options["source"]
    for key, sources in ONLY_FOR.items():
        if options.get(key) not in (None, 0, []) and source not in sources:
            fitting = " and ".join(f"data.source={name}" for name in sources)
            how = ", whose users and items are counted when it is read" if key in ("n_users", "n_items") else ""
            raise UserError(
                f"data.{key}={options[key]} is for {fitting}, not for this one ({source}{how}): leave it out."
            )
    for key in ("n_users", "n_items"):
        if options[key] and options["remap_ids"]:
            raise UserError(f"data.{key}={options[key]} has no effect with data.remap_ids=true: leave out one of them.")


def _check_behaviours(options: dict[str, Any]) -> None:
    behaviours, target = options["behaviours"], options["target"]
    if behaviours is None:
        if options["source"] != "csv":
            raise UserError("data.behaviours is not set: list them in causal order, e.g. [view,cart,buy]")
        return
    for behaviour in behaviours:
        check_word("data.behaviours", behaviour)
    if not behaviours or len(set(behaviours)) < len(behaviours):
        raise UserError(f"data.behaviours={behaviours}: list each once, in causal order, with the target")
    options["target"] = target = target or behaviours[-1]
    if target not in behaviours:
        hint = nearest(target, behaviours)
        raise UserError(f"data.target={target!r} is not in data.behaviours={behaviours}.{hint}")
    # A table may bring its behaviours in a column; those are compared with the options once it is read.
    if options["source"] == "files" and all(s["form"] != "table" for s in options["files"]):
        offered = tuple(s.get("behaviour") or target for s in options["files"] if s["role"] == "train")
        for behaviour in behaviours:
            check_choice("data.behaviours", behaviour, offered)


def _check_fields(options: dict[str, Any]) -> None:
    for side in ("user", "item"):
        said = options[f"{side}_fields"]
        fits = said is None or (
            isinstance(said, dict)
            and said.keys() - {"shared"} == {"names", "separator"}
            and isinstance(said.get("shared", False), bool)
            and isinstance(said["separator"], str)
            and said["separator"]
            and _are_names(said["names"])
        )
        if not fits:
            raise UserError(
                f"data.{side}_fields={said}: say of what ids are made, such as "
                "{separator: '-', names: [user, weather, weekday]}"
            )
    if options["context"] is not None:
        if not _are_names(options["context"]) or options["user_fields"]:
            raise UserError(
                f"data.context={options['context']}: list the columns that together are the context, such as "
                "[user,weather,weekday], without data.user_fields"
            )
        options["user_fields"] = {"separator": JOINT, "names": options["context"]}


def _are_names(names: Any) -> bool:
    return (
        isinstance(names, list)
        and bool(names)
        and all(isinstance(n, str) for n in names)
        and len(set(names)) == len(names)
    )
