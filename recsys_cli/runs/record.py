"""record.json of a run: how it began and ended, with what, and how long it took."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.files import read_file, write_file

RECORD = "record.json"
NO_RECORD = "left no record"  # the status of a run whose record is missing or damaged
ADVICE = "Files written before are intact; free space or choose another run_dir, then continue with resume=."


def read_record(folder: Path) -> dict[str, Any]:
    """What is known of a run; little where the file is missing or damaged, which is no reason to lose the run."""
    try:
        record = json.loads(read_file(folder / RECORD))
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("status"), str):
        return {"status": NO_RECORD}
    return record


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    payload = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    write_file(folder / RECORD, payload, advice=ADVICE)


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
