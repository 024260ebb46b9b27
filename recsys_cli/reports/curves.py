"""What runs measured while they trained, per row: the mean over seeds, and their range as a band."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recsys_cli.pages.figures import Series
from recsys_cli.reports.rows import Row
from recsys_cli.runs.metrics_log import METRICS, read_epochs
from recsys_cli.runs.record import is_number

NOT_METRICS = ("epoch", "loss", "seconds")


def epochs_of(run: Path) -> list[dict[str, Any]]:
    """What is no number counts as not measured."""
    path = run / METRICS
    log = read_epochs(path) if path.is_file() else []
    return [{name: value for name, value in entry.items() if is_number(value)} for entry in log]


def measured_names(logs: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """The metrics that every one of these logs has somewhere."""
    names = [list(dict.fromkeys(k for entry in log for k in entry if k not in NOT_METRICS)) for log in logs]
    return [name for name in names[0] if all(name in others for others in names)] if names else []


def curves(rows: Sequence[Row], metric: str) -> list[Series]:
    """Over the epochs that all seeds of a row have; rows that did not measure this are left out."""
    found = []
    for row in rows:
        logs = [{e["epoch"]: e[metric] for e in epochs_of(run.path) if metric in e} for run in row.runs.values()]
        epochs = [epoch for epoch in logs[0] if all(epoch in log for log in logs)]
        values = [[log[epoch] for log in logs] for epoch in epochs]
        if not epochs:
            continue
        band = len(logs) > 1
        found.append(
            Series(
                row.name,
                epochs,
                [sum(v) / len(v) for v in values],
                [min(v) for v in values] if band else None,
                [max(v) for v in values] if band else None,
            )
        )
    return found
