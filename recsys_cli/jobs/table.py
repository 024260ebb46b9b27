"""What several jobs came to, in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recsys_cli.jobs.job import DONE, Outcome
from recsys_cli.runs.kept import result_of
from recsys_cli.runs.record import read_record
from recsys_cli.text import format_table, terminal_width


def summary(outcomes: Sequence[Outcome]) -> str:
    """A row per job: what differs, how it ended, the metric to choose by, and where it lies."""
    common = set.intersection(*(set(o.words) for o in outcomes))
    rows, metrics, places = [], [shown_metric(o) for o in outcomes], []
    names = list(dict.fromkeys(name for found in metrics for name in found))
    for number, (outcome, found) in enumerate(zip(outcomes, metrics), 1):
        differs = " ".join(word for word in outcome.words if word not in common) or "-"
        values = [f"{found[name]:.4f}" if name in found else "-" for name in names]
        rows.append([str(number), differs, outcome.status, *values, f"{outcome.seconds:.1f}"])
        places.append(outcome.run_dir or "-")
    header = ["job", "what differs", "status", *names, "seconds"]
    if not any(outcome.run_dir for outcome in outcomes):
        return format_table(header, rows)
    wide = format_table([*header, "run directory"], [[*row, place] for row, place in zip(rows, places)])
    if max(map(len, wide.splitlines())) <= terminal_width():
        return wide
    return "\n".join([format_table(header, rows), *(f"job {row[0]}: {place}" for row, place in zip(rows, places))])


def shown_metric(outcome: Outcome) -> dict[str, float]:
    """The value to choose by: that of the validation part; the final one where there is none."""
    if not outcome.run_dir or outcome.status not in DONE:
        return {}
    folder = Path(outcome.run_dir)
    if best := read_record(folder).get("best_validation"):
        return {f"validation {best['metric']}": best["value"]}
    for split in ("test", "validation"):
        values = (result_of(folder, split) or {}).get("metrics", {})
        if name := outcome.monitor if outcome.monitor in values else _first(values):
            return {f"{split} {name}": values[name]["mean"]}
    return {}


def _first(names) -> str | None:
    """NDCG at the first cut-off, or else the first metric."""
    return next((name for name in names if "NDCG" in name), next(iter(names), None))
