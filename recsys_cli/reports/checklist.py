"""The questions of reproducibility checklists (NeurIPS, ACL, ACM artefact review), answered from the record of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys_cli.reports.defaults import command, differences, shell
from recsys_cli.reports.run_facts import RunFacts
from recsys_cli.text import duration

Answer = tuple[str, str, str]  # question, answer, pointer; "to do" begins what only a person can answer
HEADER = ("question", "answer", "where")
ALWAYS: Sequence[Answer] = (
    ("Data: licence and consent", "to do: look at the source", "report.html, Data"),
    ("Energy", "to do: not measured", ""),
    ("Licence of the code", "MIT", "LICENSE"),
)


def answers(found: RunFacts) -> list[Answer]:
    """Of one run."""
    run, record, manifest = found.run, found.run.record, found.manifest or {}
    made_with = record.get("environment", {})
    protocol = run.result.get("protocol", {})
    interval = any(value.get("low") is not None for value in found.metrics.values())
    best = record.get("best_validation")
    tuned = sum(d.tuned for d in differences(found.settings))
    sources, counted = manifest.get("sources", []), "croissant.json, report.html"
    content = f"content {record.get('data_hash')}" + (f", SHA-256 of {len(sources)} raw files" if manifest else "")
    versions = ", ".join(f"{k} {made_with[k]}" for k in ("python", "tensorflow", "numpy", "recsys") if k in made_with)
    select = str(protocol.get("select"))
    how = ", ".join(f"{k} {v}" for k, v in protocol.items())
    leaks = "; ".join(manifest.get("warnings", [])) or "none found by prepare"
    return [
        ("Exact command", shell(command(found.settings)), "claim.sh"),
        ("All hyper-parameters", "yes", "config.yaml"),
        (
            "Their search: bounds, trials, rule, for baselines too",
            f"to do: {tuned} values are those of configs/tuned, where the file says how they were found; name the search of "
            "all others",
            "config.yaml, configs/tuned",
        ),
        ("Seeds", f"this run: {run.config.seed}; to do: other seeds (recsys train --multirun seed=0,1,2)", "record.json"),
        (
            "Error bars and what they are",
            "95 % bootstrap interval over users" if interval else "to do: evaluation.bootstrap was 0",
            "test.json",
        ),
        ("Tests between rows", "to do: recsys compare RUN OTHER out=page.html", ""),
        (
            "Validation score beside the test score",
            f"{best['metric']} {best['value']:.4f} in epoch {best['epoch']}" if best else "to do: data.validation was none",
            "record.json",
        ),
        (
            "How the epoch was chosen",
            "on TEST, which is optimistic" if select == "best_test_epoch" else select,
            "test.json, protocol",
        ),
        ("Metrics and protocol", how, "test.json"),
        ("Data: counts, splits, exclusions", "yes" if manifest else "to do: they were not at hand", counted),
        (
            "Data: checksums",
            content,
            "croissant.json",
        ),
        ("Leaks that the data are known to have", leaks, "report.html, Data"),
        (
            "Compute of this run",
            f"{duration(record.get('training_seconds', 0))} of training, {record.get('peak_memory_mb', 0):,.0f} MB, "
            f"{made_with.get('cores')} cores, {made_with.get('instruction_set')}",
            "record.json",
        ),
        ("Compute in total, failed runs included", "to do: recsys report run=FOLDER, section Cost", ""),
        ("Parameters", f"{found.parameters:,}" if found.parameters else "to do: report with lists=true", "report.html"),
        ("Versions", versions, "record.json"),
        ("Identity of the code", f"SHA-256 of the sources {made_with.get('code')}", "record.json; to do: name the commit"),
        ("Deviations from the paper", "listed", "report.html, Model"),
    ]  # fmt: skip


def as_markdown(answered: Sequence[Answer]) -> str:
    rows = [
        "# Reproducibility checklist",
        "",
        'Filled in from the records of what was run; what begins with "to do" needs a person.',
        "",
    ]
    rows += [_row(HEADER), "|---|---|---|", *map(_row, (*answered, *ALWAYS))]
    return "\n".join(rows) + "\n"


def _row(cells: Any) -> str:
    """Texts of strangers end no cell and begin no markup."""
    kept = [
        " ".join(str(cell).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells
    ]
    return f"| {' | '.join(kept)} |"
