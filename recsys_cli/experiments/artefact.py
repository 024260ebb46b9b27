"""What a reviewer of artefacts asks for of a table: reports/artefact.py has the same of one run."""

from __future__ import annotations

from pathlib import Path

from data_prep.store import read_manifest
from recsys_cli.experiments.checklist import answers
from recsys_cli.experiments.claim import script
from recsys_cli.experiments.made import Made
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.write import csv_text
from recsys_cli.reports.artefact import CLAIM, as_json
from recsys_cli.reports.checklist import as_markdown
from recsys_cli.reports.crate import NAME, files_of, ro_crate
from recsys_cli.reports.croissant import croissant
from recsys_cli.runs.finished import Finished, finished


def table_artefact(plan: Plan, made: Made) -> dict[str, bytes]:
    """By the places of the files."""
    experiment, runs = plan.experiment, _runs(plan)
    files = {
        "report.html": made.document.html().encode(),
        "table.csv": csv_text(made.lines).encode(),
        "table.md": made.document.markdown().encode(),
        CLAIM: script(experiment, [job for job in plan.jobs if job.found], made.lines).encode(),
        "checklist.md": as_markdown(answers(plan, list(runs.values()))).encode(),
    }
    for source in experiment.sources:
        if facts := plan.facts.get(source.id):
            files[f"croissant-{source.id}.json"] = as_json(croissant(read_manifest(Path(facts.directory))))
    for folder, run in runs.items():
        files |= files_of(run.path, folder)
    about = f"{experiment.settings.title}: a table of {len(runs)} runs."
    return files | {NAME: as_json(ro_crate(made.document.title, about, files, runs))}


def _runs(plan: Plan) -> dict[str, Finished]:
    """By their folders in the artefact; runs of two places may have one name."""
    found: dict[str, Finished] = {}
    for path in dict.fromkeys(job.found for job in plan.jobs if job.found):
        name, number = path.name, 1
        while f"runs/{name}/" in found:
            number += 1
            name = f"{path.name}-{number}"
        found[f"runs/{name}/"] = finished(path)
    return found
