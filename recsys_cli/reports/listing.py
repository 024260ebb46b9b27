"""One row per run: what it is, how it went, what it reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from recsys_cli.config.library import flatten
from recsys_cli.runs.config import read_settings
from recsys_cli.runs.directory import in_use
from recsys_cli.runs.kept import read_result
from recsys_cli.runs.record import read_record

DAMAGED = "damaged"


def row_of(run: Path, result: str = "test") -> dict[str, Any]:
    """Plain values for people and programs; `problem` says in words what is wrong with a run."""
    row: dict[str, Any] = {"run": str(run), "status": DAMAGED, "metrics": {}, "settings": {}}
    try:
        settings = read_settings(run)
        record = read_record(run)
        content = read_result(run, result) or {}
    except UserError as error:
        return row | {"problem": str(error)}
    status = record["status"]
    if status == "running" and not in_use(run):
        status = "died"
    return row | {
        "status": status,
        "model": settings["model"].get("name"),
        "data": settings["data"].get("name"),
        "loss": settings["loss"].get("name"),
        "unlearning": settings.get("unlearning", {}).get("name", "none"),
        "seed": settings["seed"],
        "started": record.get("started"),
        "finished": record.get("finished"),
        "epoch": record.get("epoch"),
        "seconds": record.get("training_seconds"),
        "seconds_per_epoch": record.get("seconds_per_epoch"),
        "memory_mb": record.get("peak_memory_mb"),
        "parameters": record.get("parameters"),
        "best_validation": record.get("best_validation"),
        "data_hash": record.get("data_hash"),
        "metrics": {name: value["mean"] for name, value in content.get("metrics", {}).items()},
        "settings": flatten(settings),
        **({"problem": record["error"]} if record.get("error") else {}),
    }


def value_of(row: dict[str, Any], key: str) -> Any:
    """A column, a metric, or a setting of the run by its dotted key; None where the run has no such thing."""
    if key in row["metrics"]:
        return row["metrics"][key]
    return row[key] if key in row and key not in ("metrics", "settings") else row["settings"].get(key)


def keys_of(rows: list[dict[str, Any]]) -> list[str]:
    """All that rows can be chosen and sorted by."""
    columns = (key for row in rows for key in (*row, *row["metrics"], *row["settings"]))
    return [key for key in dict.fromkeys(columns) if key not in ("metrics", "settings")]
