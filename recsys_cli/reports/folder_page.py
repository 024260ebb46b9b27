"""All runs of a folder as one HTML page: what each reached, rows by settings, and what it all took."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from recsys_cli.evaluation.metrics import has_direction
from recsys_cli.evaluation.names import lower_is_better
from recsys_cli.pages.figures import lines
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import (
    Cell,
    bullets,
    code,
    facts,
    figure,
    figures,
    marks,
    page,
    paragraph,
    section,
    table,
)
from recsys_cli.reports.curves import curves, epochs_of, measured_names
from recsys_cli.reports.listing import row_of
from recsys_cli.reports.rows import Row, rows_of
from recsys_cli.statistics.spread import mean_and_sd
from recsys_cli.text import duration

MOST = 12  # metrics of a table


def folder_page(folder: Path, runs: list[Path], result: str, made_by: str) -> str:
    listed = [row_of(run, result) for run in runs]
    sections, data = [], defaultdict(list)
    for run, row in zip(runs, listed):
        if row["status"] == "finished" and row["metrics"]:
            data[row["data"], row["data_hash"]].append(run)
    for (name, content), own in data.items():
        title = name if [n for n, _ in data].count(name) == 1 else f"{name} {str(content)[:8]}"
        sections.append(section(title, *_data_set(own, result)))
    return page(
        f"{len(runs)} runs below {folder.name or folder}",
        *sections,
        section(
            "All runs",
            _runs(listed, folder),
            bullets(f"{r['run']}: {r['problem']}" for r in listed if r.get("problem")),
        ),
        section("Cost", facts(_cost(listed))),
        footer=paragraph("Made by ", code(made_by)),
    )


def _data_set(runs: list[Path], result: str) -> list[Html]:
    """One table where all were measured in the same way; a sentence where they were not."""
    try:
        rows, notes = rows_of(runs, result)
    except UserError as error:
        return [paragraph(f"No table: {error}", mark="warning")]
    names = [list(run.result["metrics"]) for row in rows for run in row.runs.values()]
    metrics = [m for m in names[0] if all(m in other for other in names)]
    same = {m for m in metrics if m.startswith("Recall") and _equal(rows, m, m.replace("Recall", "HR"))}
    kept = [m for m in metrics if m not in same][:MOST]
    values = {m: [mean_and_sd(list(row.values(m).values())) for row in rows] for m in kept}
    best = {
        m: marks([mean for mean, _ in values[m]], lower_is_better(m)) if has_direction(m) else [""] * len(rows)
        for m in kept
    }
    body = []
    for n, row in enumerate(rows):
        cells = [Cell(f"{values[m][n][0]:.4f}", best[m][n], _sd(values[m][n][1])) for m in kept]
        seconds = [s for run in row.runs.values() if (s := run.record.get("seconds_per_epoch")) is not None]
        body.append([row.name, len(row.runs), *cells, f"{sorted(seconds)[len(seconds) // 2]:.3f}" if seconds else ""])
    if same:
        notes.append(f"{', '.join(m for m in metrics if m in same)}: as HR with this cut-off, so not shown.")
    logs = [log for row in rows for run in row.runs.values() if len(log := epochs_of(run.path)) > 1]
    drawn = [
        figure(lines(s, "epoch", m))
        for m in measured_names(logs)[:2]
        if (s := [c for c in curves(rows, m) if len(c.x) > 1])
    ]
    return [
        table(
            ["row", "seeds", *kept, "s/epoch"],
            body,
            "Best in bold, the next underlined; ± standard deviation over seeds.",
        ),
        bullets(notes),
        figures(*drawn) if drawn else Html(""),
    ]


def _equal(rows: list[Row], one: str, other: str) -> bool:
    runs = [run.result["metrics"] for row in rows for run in row.runs.values()]
    return all(other in metrics and metrics[one] == metrics[other] for metrics in runs)


def _runs(listed: list[dict[str, Any]], folder: Path) -> Html:
    rows = []
    for row in listed:
        place = Path(row["run"])
        seconds, memory = row.get("seconds"), row.get("memory_mb")
        rows.append(
            [
                str(place.relative_to(folder)) if place != folder else place.name,
                *(row.get(key, "") for key in ("model", "data", "seed")),
                Cell(row["status"], "" if row["status"] == "finished" else "bad"),
                (row.get("started") or "")[:16],
                row.get("epoch", ""),
                "" if seconds is None else duration(seconds),
                "" if memory is None else f"{memory:,.0f}",
            ]
        )
    header = ["run", "model", "data", "seed", "status", "started", "epoch", "training", "peak MB"]
    return table(header, rows, texts=[1, 2, 4])


def _cost(listed: list[dict[str, Any]]) -> dict[str, str]:
    """Of all runs, those that failed or were stopped as well as far as they left a record."""
    seconds = [row["seconds"] for row in listed if row.get("seconds") is not None]
    kinds: dict[str, int] = defaultdict(int)
    for row in listed:
        kinds[row["status"]] += 1
    return {
        "runs": ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
        "training in total": f"{duration(sum(seconds))}, of {len(seconds)} runs that say how long",
    }


def _sd(sd: float | None) -> str:
    return "" if sd is None else f"±{sd:.4f}"
