"""The options of a data set: completed, checked before any file is read, and hashed into the cache's name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import UserError, nearest
from data_prep.settings import MANDATORY, Settings, field, fields_of

SOURCES = ("files", "csv", "synthetic")
ROLES = ("train", "valid", "test", "negatives", "friends", "triples", "user_features", "item_features")
ROLES += ("user_ids", "item_ids")
CUTS = ("leave_one_out", "leave_one_out_last", "leave_one_out_random", "ratio")


@dataclass(frozen=True)
class DataSettings(Settings):
    """What every data set has."""

    name: str = field(MANDATORY, "of the data set, in names of files")
    source: str = field(
        "files", "files (a known source), csv (your own) or synthetic (generated)", suggested=SOURCES, fixed=True
    )
    raw_dir: str | None = field(None, "raw files: RAW_DIR/NAME/FILE or RAW_DIR/FILE, each also with .gz")
    cache_dir: str = field("~/.cache/recsys", "of prepared data sets and downloads")
    verify: bool = field(True, "refuse known files whose checksum is not the recorded one; false: a note only")
    behaviours: list[str] | None = field(None, "in causal order; null: those of the file")
    target: str | None = field(None, "the behaviour to predict; null: the last one")
    split: str = field("given", "how the test part is cut", choices=("given", *CUTS))
    validation: str = field(
        "none",
        "how the validation part is cut from train, or the name of one in files",
        suggested=("none", "given", *CUTS),
    )
    test_ratio: float = field(0.2, "share of the interactions, for split=ratio", above=0, below=1)
    valid_ratio: float = field(0.1, "share of what is left after the test part, for validation=ratio", above=0, below=1)
    split_seed: int = field(0, "of random cuts", low=0)
    remap_ids: bool = field(False, "number the ids found 0, 1, ... instead of requiring 0..n-1")
    n_users: int | None = field(None, "declared sizes allow ids that never occur; null: ids without gaps", low=1)
    n_items: int | None = field(None, "the same", low=1)
    min_rating: float | None = field(None, "drop interactions with a lower rating")
    k_core: int = field(0, "keep users and items with at least this many target interactions; 0: all", low=0)
    delimiter: str | None = field(None, "of files of form 'table'; null: found out")
    columns: dict | list | None = field(
        None,
        "of files of form 'table': {user:visitor,item:sku} by their names, [user,item,_,rating] without a header; "
        "null: by usual names",
    )
    files: list = field([], "each with its form, role and what belongs to it")
    published: dict = field({}, "counts of the paper, shown beside the measured ones")
    notes: list[str] = field([], "what a reader of results should know")


@dataclass(frozen=True)
class CsvSettings(DataSettings):
    """Of your own tables."""

    path: str | None = field(None, "a CSV, TSV or Parquet file, also .gz, or inside a .zip or .tar")
    test_path: str | None = field(None, "the test part, with data.split=given")
    valid_path: str | None = field(None, "the validation part, with data.validation=given")


# These say where bytes lie, not what they are: the checksums of the files stand for them in the cache's name.
UNSET = ("name", "source")
PLACES = ("raw_dir", "cache_dir", "verify", "path", "test_path", "valid_path")


def read_options(data_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A plain, complete and checked dict of options from a Hydra node or a dict.

    Raises UserError for names, behaviours, splits and ratios that make no sense.
    """
    given = _plain(data_cfg)
    known = fields_of(CsvSettings if given.get("source") == "csv" else DataSettings)
    options = {name: found.default for name, found in known.items() if name not in UNSET} | given
    for key in ("name", "source"):
        if not options.get(key):
            raise UserError(f"The data configuration has no '{key}': give data.{key}=...")
    check_word("data.name", options["name"])
    _check_choice("data.source", options["source"], SOURCES)
    if options["source"] == "csv":
        options["files"] = _csv_files(options)
        options["remap_ids"] = True
    _check_behaviours(options)
    _check_splits(options)
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


def _plain(data_cfg: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(data_cfg, dict):
        return data_cfg
    from omegaconf import OmegaConf

    return OmegaConf.to_container(data_cfg, resolve=True)


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
    return [
        {"file": Path(path).name, "path": str(path), "form": "table", "role": role}
        for role, path in given.items()
        if path
    ]


def check_word(key: str, value: Any) -> None:
    """UserError unless the value can be part of a file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(value)):
        raise UserError(f"{key}={value!r}: it names files, so use only letters, digits and . _ -")


def _check_choice(key: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"{key}={value!r} is not known.{nearest(str(value), choices)}")


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
            _check_choice("data.behaviours", behaviour, offered)


def _check_splits(options: dict[str, Any]) -> None:
    for spec in options["files"]:
        _check_choice(f"role of {spec['file']}", spec["role"], ROLES)
    given = {spec.get("validation", "given") for spec in options["files"] if spec["role"] == "valid"}
    has_test = any(spec["role"] == "test" for spec in options["files"])
    _check_choice("data.split", options["split"], CUTS + ("given",))
    _check_choice("data.validation", options["validation"], ("none", *CUTS, *sorted(given)))
    if has_test and options["split"] != "given":
        raise UserError(f"data.split={options['split']}: this source has its own test part; use given")
    if not has_test and options["split"] == "given":
        raise UserError(
            "data.split=given needs a test part: set data.test_path=..., "
            "or cut one with data.split=leave_one_out_last, leave_one_out_random or ratio"
        )
    for key, used in (("test_ratio", options["split"]), ("valid_ratio", options["validation"])):
        if used == "ratio" and not 0 < options[key] < 1:
            raise UserError(f"data.{key}={options[key]}: a share between 0 and 1 is needed")
    if options["k_core"] > 1 and options["split"] == "given":
        raise UserError(
            f"data.k_core={options['k_core']} would change a given test part: filter the files yourself, "
            "or let data.split cut the test part"
        )
