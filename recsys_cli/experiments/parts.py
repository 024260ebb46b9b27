"""What every table and figure says beside its numbers: time, data, deviations, what is missing, the runs."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from recsys_cli.experiments.cells import RunsByRow
from recsys_cli.experiments.document import Lines, Part, Table
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.measured import Measured
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.spec import Experiment
from recsys_cli.text import duration


def seconds_part(experiment: Experiment, runs: RunsByRow) -> Part:
    rows = []
    for source in experiment.sources:
        for row in experiment.rows:
            if there := runs.get((source.id, row.label)):
                rows.append([row.label, source.title, *_times(there)])
    header = ["row", "data", "s per epoch", "epochs", "training", "peak MB", "machine"]
    caption = "Median over seeds; other programs may have run on the machine at the same time."
    return Part("Time and memory", [Table(header, rows, caption, [1, 6])] if rows else [])


def _times(runs: Sequence[Measured]) -> list[str]:
    records = [run.record for run in runs]
    median = {
        key: statistics.median(float(r.get(key) or 0) for r in records)
        for key in ("seconds_per_epoch", "training_seconds", "peak_memory_mb")
    }
    machines = dict.fromkeys(machine_of(run) for run in runs)
    return [
        f"{median['seconds_per_epoch']:.3g}",
        str(records[0].get("epoch", "-")),
        duration(median["training_seconds"]),
        f"{median['peak_memory_mb']:.0f}",
        ", ".join(machines),
    ]


def machine_of(run: Measured) -> str:
    about = run.record.get("environment", {})
    return f"{about.get('machine')}, {about.get('cores')} cores, TensorFlow {about.get('tensorflow')}"


def data_part(plan: Plan) -> Part:
    lines = []
    for source in plan.experiment.sources:
        if facts := plan.facts.get(source.id):
            found = facts.statistics
            text = (
                f"{source.title} ({source.data}): {found['users']:,} users, {found['items']:,} items, "
                + ", ".join(f"{count:,} {behaviour}" for behaviour, count in found["train"].items())
                + f" in training, {(found.get('test') or {}).get('pairs', 0):,} test pairs; content {facts.content[:16]}"
            )
            lines += [text, *(f"{source.title}: {warning}" for warning in facts.warnings)]
    return Part("Data", [Lines(lines)] if lines else [])


def facts_part(plan: Plan) -> Part:
    """What `recsys prepare` has to say of each data set."""
    lines = [
        f"{s.title}: {note}" for s in plan.experiment.sources if s.id in plan.facts for note in plan.facts[s.id].notes
    ]
    return Part("What to know of the data", [Lines(lines)] if lines else [])


def deviations_part(experiment: Experiment, ledger: Ledger) -> Part:
    """The ledger of deviations that touch it, and the notes of its config."""
    lines = [
        f"{d.what[:1].upper()}{d.what[1:]} ({parts}){'' if d.comparable else '; not comparable with the published numbers'}."
        for d, parts in ledger.of(experiment)
    ]
    lines += experiment.settings.notes
    return Part("Deviations from the paper", [Lines(lines)] if lines else [])


def missing_part(plan: Plan, damaged: Sequence[str] = ()) -> Part:
    lines = [f"{name}: {why}" for name, why in plan.experiment.settings.unavailable.items()]
    whole = [gap for gap in plan.gaps if gap.row is None]
    lines += [f"{gap.source.title}: {gap.why}" for gap in whole]
    by_row: dict[tuple[str, str], list[str]] = {}
    for gap in plan.gaps:
        if gap.row is not None:
            by_row.setdefault((gap.row.label, gap.why), []).append(gap.source.title)
    lines += [f"{label} ({', '.join(titles)}): {why}" for (label, why), titles in by_row.items()]
    return Part("What is missing", [Lines([*lines, *damaged])] if lines or damaged else [])


def runs_part(experiment: Experiment, runs: RunsByRow) -> Part:
    rows = [
        [row.label, source.title, ", ".join(f"{run.job.seed}: {shown_path(run.path)}" for run in there)]
        for source in experiment.sources
        for row in experiment.rows
        if (there := runs.get((source.id, row.label)))
    ]
    caption = "Run directories by seed; config.yaml in each has every setting."
    return Part("Runs", [Table(["row", "data", "runs"], rows, caption, [1, 2])] if rows else [])


def shown_path(path: Path) -> str:
    """From here where it lies below, so that the page says nothing about this machine; else its name."""
    relative = os.path.relpath(path.absolute())
    return path.name if relative.startswith("..") else relative
