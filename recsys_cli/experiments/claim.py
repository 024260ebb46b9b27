"""A script that makes a table again and says, cell by cell, whether it came out as claimed."""

from __future__ import annotations

from collections.abc import Sequence

from recsys_cli.config.library import shipped
from recsys_cli.experiments.made import Line
from recsys_cli.experiments.measured import TIMES
from recsys_cli.experiments.plan import Job
from recsys_cli.experiments.spec import Experiment
from recsys_cli.experiments.verdict import RI
from recsys_cli.reports.claim import TOLERANCE, one_line
from recsys_cli.reports.defaults import shell
from recsys_cli.runs.record import read_record
from recsys_cli.text import duration

CHECK = """\
import csv, sys
def cells(path):
    lines = csv.DictReader(open(path, newline="", encoding="utf-8"))
    return {{(l["data"], l.get("row", ""), l["metric"]): float(l["ours"]) for l in lines if l["ours"]}}
claimed, found = cells(sys.argv[1]), cells(sys.argv[2])
here = [cell for cell in claimed if cell in found and not cell[2].endswith({left_out})]
wrong = 0
for cell in here:
    far = abs(found[cell] - claimed[cell]) > {tolerance} * abs(claimed[cell])
    wrong += far
    verdict = "NOT within" if far else "within"
    print(f"{{', '.join(cell):<48}} claimed {{claimed[cell]:.4f}}  here {{found[cell]:.4f}}  {{verdict}} {tolerance:.0%}")
print(f"{{len(here)}} of {{len(claimed)}} cells compared, {{wrong}} of them NOT within {tolerance:.0%}")
sys.exit(bool(wrong or not here))
"""
OWN = ' --config-dir "${RECSYS_CONFIG_DIR:?name the folder of configs that the table stands in}"'
LEFT_OUT = (RI, "_time", "_per_epoch", *TIMES)  # seconds of another machine, and what follows from other cells


def script(experiment: Experiment, jobs: Sequence[Job], lines: Sequence[Line]) -> str:
    """For bash. jobs: those with runs. Exit code 0: every cell that was made again is within the tolerance."""
    own = "" if (shipped() / experiment.group / f"{experiment.name}.yaml").is_file() else OWN
    head = [
        "#!/usr/bin/env bash",
        f"# {experiment.word}: {one_line(experiment.settings.title)}",
        *(f"#   {one_line(one)}" for one in _claims(lines)),
        f"# Tolerance {TOLERANCE:.0%} of each value: other processors and versions round otherwise.",
        *_about_runs(jobs),
        "set -euo pipefail",
        'here="$(cd "$(dirname "$0")" && pwd)"',
        'out="${1:-made-again}"',
        "shift || true",
        *_all_seeds(jobs),
        f'{shell(["recsys", "reproduce", experiment.word])}{own} output="$out" runs_dir="$out/runs" "$@"',
        f'python3 - "$here/table.csv" "$out/{experiment.group}s/{experiment.name}.csv" <<\'EOF\'',
        CHECK.format(tolerance=TOLERANCE, left_out=LEFT_OUT) + "EOF",
    ]
    return "\n".join(head) + "\n"


def _about_runs(jobs: Sequence[Job]) -> list[str]:
    records = [read_record(job.found) for job in jobs if job.found]
    seconds = sum((r.get("training_seconds") or 0) + (r.get("evaluation_seconds") or 0) for r in records)
    cores = ", ".join(dict.fromkeys(str(r.get("environment", {}).get("cores", "?")) for r in records))
    return (
        [
            f"# Time there: {duration(seconds)} for {len(records)} runs, with {cores} cores. Stopped, the same call goes on.",
            "# One claim alone: claim.sh FOLDER models=[enmf] data=[beibei] seeds=1",
        ]
        if records
        else []
    )


def _all_seeds(jobs: Sequence[Job]) -> list[str]:
    return [f"[ $# -gt 0 ] || set -- seeds={1 + max(job.seed for job in jobs)}"] if jobs else []


def _claims(lines: Sequence[Line]) -> list[str]:
    """A line for each row and data set."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.get("ours"):
            place = f"{line.get('row', '')} on {line['data']}"
            found.setdefault(" ".join(place.split()), []).append(f"{line['metric']} {line['ours']}")
    return [f"{place}: {', '.join(cells)}" for place, cells in found.items()]
