"""Options that follow from others: what `null` stands for in data of one's own, and places that hold from anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STDIN = "-"
PACKED = (".gz", ".zip", ".tar", ".tgz")
COMPANIONS = {  # of data=csv: the key of a file beside the interactions, and its role
    "friends_path": "friends",
    "triples_path": "triples",
    "user_features_path": "user_features",
    "item_features_path": "item_features",
}
PATHS = ("raw_dir", "cache_dir", "path", "test_path", "valid_path", *COMPANIONS)


def settled(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that change: absolute paths, and for data=csv the name (of the file), the split (given where there
    is a test part) and the validation (given where there is such a part). Doing it again changes nothing."""
    changed = {key: _absolute(options[key]) for key in PATHS if isinstance(options.get(key), str)}
    if options.get("source") == "csv":
        if not options.get("name") and options.get("path"):
            changed["name"] = name_of(options["path"])
        if options.get("split", "") is None:
            changed["split"] = "given" if options.get("test_path") else "leave_one_out_last"
        if options.get("validation", "") is None:
            changed["validation"] = "given" if options.get("valid_path") else "none"
    return {key: value for key, value in changed.items() if options.get(key) != value}


def is_stream(path: str) -> bool:
    """Standard input or another pipe, which can be read only once."""
    return path == STDIN or Path(path).is_fifo() or Path(path).is_char_device()


def name_of(path: str) -> str:
    """ratings for sub/ratings.csv.gz: letters, digits and . _ - only, because it names files."""
    if path == STDIN or path.startswith("/dev/"):
        return "stdin"
    name = Path(path).name
    for ending in PACKED:
        name = name.removesuffix(ending)
    stem = Path(name).stem
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._") or "csv"


def _absolute(path: str) -> str:
    """As it is where it does not depend on the current folder."""
    return path if not path or path == STDIN or path.startswith("~") else str(Path.cwd() / path)
