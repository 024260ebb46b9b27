"""The questions of reproducibility checklists, answered for a table from the records of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from data_prep.settings import plain
from recsys_cli.experiments.plan import Plan
from recsys_cli.reports.checklist import Answer
from recsys_cli.reports.defaults import differences, shell
from recsys_cli.runs.finished import Finished
from recsys_cli.text import duration

FEWEST = 3  # seeds, for a deviation that says something
ENVIRONMENT = ("python", "tensorflow", "numpy", "recsys")


def answers(plan: Plan, runs: Sequence[Finished]) -> list[Answer]:
    experiment = plan.experiment
    seeds = Counter((job.row.label, job.source.title) for job in plan.jobs if job.found)
    few = sum(1 for count in seeds.values() if count < FEWEST)
    tuned = sum(d.tuned for run in runs for d in differences(plain(run.config)))
    environments = [run.record.get("environment", {}) for run in runs]
    seconds = sum(run.record.get("training_seconds") or 0 for run in runs)
    warnings = [w for facts in plan.facts.values() for w in facts.warnings]
    own = [row.label for row in experiment.rows if row.own]
    return [
        ("Exact command", shell(["recsys", "reproduce", experiment.word]), "claim.sh"),
        ("All hyper-parameters", "yes", "runs/*/config.yaml"),
        (
            "Their search: bounds, trials, rule, for baselines too",
            f"to do: {tuned} values are those of configs/tuned, where the file says how they were found; name the search of "
            "all others",
            "runs/*/config.yaml, configs/tuned",
        ),
        (
            "Seeds",
            f"{_range(seeds.values())} of each row" + (f"; to do: {few} cells have fewer than {FEWEST}" if few else ""),
            "report.html, Runs",
        ),
        ("Error bars and what they are", "standard deviation over seeds", "report.html"),
        (
            "Tests between rows",
            f"paired t tests of {', '.join(own)} against the best of the others, over users and seeds, with Holm's correction"
            if own
            else "to do: recsys compare RUN OTHER out=page.html",
            "report.html, Paired tests",
        ),
        ("How the epoch was chosen", _all(map(_select, runs)) or "nothing was trained", "runs/*/test.json, protocol"),
        ("Metrics and protocol", experiment.settings.protocol or "to do", "runs/*/test.json, protocol"),
        ("Data: counts, splits, exclusions", "yes", "croissant-*.json"),
        ("Data: checksums", _all(f"{s}: {f.content[:16]}" for s, f in plan.facts.items()), "croissant-*.json"),
        ("Leaks that the data are known to have", _all(warnings) or "none found by prepare", "report.html, Data"),
        ("Compute of these runs", f"{duration(seconds)} of training in {len(runs)} runs", "runs/*/record.json"),
        ("Compute in total, failed runs included", "to do: recsys report run=FOLDER, section Cost", ""),
        (
            "Versions",
            _all(f"{k} {e[k]}" for e in environments for k in ENVIRONMENT if k in e) or "to do",
            "runs/*/record.json",
        ),
        (
            "Identity of the code",
            f"SHA-256 of the sources {_all(str(e.get('code')) for e in environments)}",
            "runs/*/record.json; to do: name the commit",
        ),
        ("What is missing", f"{len(plan.gaps)} rows or data sets" if plan.gaps else "nothing", "report.html"),
        ("Deviations from the paper", "listed", "report.html, Deviations from the paper"),
    ]


def _select(run: Finished) -> str:
    select = str(run.result.get("protocol", {}).get("select"))
    return "on TEST, which is optimistic" if select == "best_test_epoch" else select


def _all(texts: Iterable[str]) -> str:
    """Each once."""
    return ", ".join(dict.fromkeys(texts))


def _range(counts: Iterable[int]) -> str:
    found = sorted(set(counts)) or [0]
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
