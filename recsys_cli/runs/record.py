"""record.json of a run: how it began and ended, with what, and how long it took."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from data_prep.files import read_file, write_file

RECORD = "record.json"
NO_RECORD = "left no record"  # the status of a run whose record is missing or damaged
ADVICE = "Files written before are intact; free space or choose another run_dir, then continue with resume=."


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_best(value: Any) -> bool:
    return isinstance(value, dict) and is_number(value.get("value")) and {"metric", "epoch"} <= value.keys()


NUMBERS = ("epoch", "training_seconds", "seconds_per_epoch", "evaluation_seconds", "peak_memory_mb", "parameters")
TEXTS = ("started", "finished", "error", "config_hash", "data_hash")
KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(NUMBERS, is_number),
    **dict.fromkeys(TEXTS, _is_text),
    "environment": lambda value: isinstance(value, dict),
    "best_validation": _is_best,
}


def read_record(folder: Path) -> dict[str, Any]:
    """What is known of a run; little where the file is missing or damaged, which is no reason to lose the run.

    What is not of its kind counts as not known: numbers are numbers to whoever reads them.
    """
    try:
        record = json.loads(read_file(folder / RECORD))
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("status"), str):
        return {"status": NO_RECORD}
    return {key: value for key, value in record.items() if key not in KINDS or KINDS[key](value)}


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    payload = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    write_file(folder / RECORD, payload, advice=ADVICE)


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
