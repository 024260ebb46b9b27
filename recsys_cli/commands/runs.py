"""`recsys runs`: the runs below a folder, chosen and sorted by what they are and what they reached."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.settings import Settings, field

SHOWN = 3  # metrics, unless they are named


@dataclass(frozen=True)
class RunsSettings(Settings):
    runs_dir: str = field("runs", "the folder to look below, at any depth")
    result: str = field("test", "validation, or the name of what recsys evaluate kept")
    metrics: list[str] | None = field(None, "to be shown; null: the first three")
    sort: str = field("started", "a column, metric or setting; with - before it, the highest first")
    limit: int | None = field(None, "show so many at most", low=1)
    json: bool = field(False, "write all that is known, for programs (also --json)")


def main(argv: list[str]) -> int:
    from recsys_cli.config.words import refuse_key, settings_and_words
    from recsys_cli.reports.filters import chosen, ordered, parse
    from recsys_cli.reports.listing import row_of
    from recsys_cli.runs.found import runs_below

    config, words = settings_and_words("runs", argv)
    if config is None:
        return 0
    for word in words:
        if word.startswith("-"):
            refuse_key("runs", word)
    folders = [word for word in words if Path(word).expanduser().is_dir()] or [config.runs_dir]
    conditions = [parse(word) for word in words if word not in folders]
    where = " ".join(folders)
    rows = [row_of(run, config.result) for folder in folders for run in runs_below(Path(folder))]
    if config.metrics and (unknown := [m for m in config.metrics if not any(m in row["metrics"] for row in rows)]):
        raise UserError(f"metrics={unknown[0]}: no run below {where} has it in {config.result}.json.")
    found = ordered(chosen(rows, conditions), config.sort)[: config.limit]
    if config.json:
        print(json.dumps(found, indent=1, default=str))
        return 0
    if not found:
        print(
            f"no run below {where}"
            + (f" with {' '.join(map(''.join, conditions))} ({len(rows)} without)" if rows else "")
        )
        return 0
    print(_table(found, list(config.metrics or []), folders))
    for row in found:
        if row.get("problem"):
            print(f"{row['run']}: {row['problem']}")
    return 0


def _table(rows: list[dict[str, Any]], metrics: list[str], folders: list[str]) -> str:
    from recsys_cli.text import duration, format_table

    names = metrics or list(dict.fromkeys(name for row in rows for name in row["metrics"]))[:SHOWN]
    lines = []
    for row in rows:
        what = [
            row.get("model"),
            row.get("data"),
            row.get("seed"),
            row["status"],
            (row.get("started") or "")[:16],
            row.get("epoch"),
        ]
        values = [f"{row['metrics'][name]:.4f}" if name in row["metrics"] else "" for name in names]
        seconds = "" if row.get("seconds") is None else duration(row["seconds"])
        shown = ["" if value is None else str(value) for value in what]
        lines.append([_place(Path(row["run"]), folders), *shown, *values, seconds])
    return format_table(["run", "model", "data", "seed", "status", "started", "epoch", *names, "training"], lines)


def _place(run: Path, folders: list[str]) -> str:
    """Below the folder, where there is one only."""
    root = Path(folders[0]).expanduser()
    return str(run.relative_to(root)) if len(folders) == 1 and run != root else str(run)
