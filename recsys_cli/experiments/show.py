"""What `recsys reproduce` prints: the list, the plan, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from recsys_cli.experiments.assemble import Written
from recsys_cli.experiments.made import filled
from recsys_cli.experiments.plan import Gap, Job, Plan, in_order
from recsys_cli.experiments.states import State
from recsys_cli.text import duration, format_table, wrapped

MOST = 3  # things named of many


def list_lines(found: Sequence[State]) -> list[str]:
    rows = [[s.experiment.word, s.word, _few(s.lacking), s.experiment.settings.title] for s in found]
    widths = [max(len(row[c]) for row in rows) for c in (0, 1)]
    lines = []
    for word, state, lacking, title in rows:
        lines.append(wrapped(f"{word:<{widths[0]}}  {state:<{widths[1]}}  {title}", widths[0] + widths[1] + 4))
        if lacking:
            lines.append(wrapped(f"{'':<{widths[0]}}  missing: {lacking}", widths[0] + 2))
    return lines


def plan_lines(plan: Plan, jobs: Sequence[Job], workers: int, budget: str | None) -> list[str]:
    """A line per row and data set with what there is and what is to be done; the sum; what is missing."""
    lines = []
    if jobs:
        rows = []
        for (label, title), own in _grouped(jobs).items():
            todo = [job for job in own if job.found is None]
            begun = sum(job.begun is not None for job in todo)
            each = next((job.estimate for job in todo if job.estimate), None)
            time = "-" if not todo else "not known"
            if each:
                time = f"about {duration(each.seconds)} each" + (", by a table" if each.by_table else "")
            rows.append([label, title, str(len(own) - len(todo)), str(len(todo)), str(begun or "-"), time])
        lines += format_table(["row", "data", "there", "to do", "begun", "time"], rows).splitlines()
        lines += ["", wrapped(_sum(in_order(jobs), len(jobs), workers, budget))]
        if others := sum(job.others for job in jobs if job.found is None):
            lines.append(
                wrapped(f"{others} finished runs are of another version of the program or of other data: not used.")
            )
    lines += [wrapped(f"{path}: record.json is damaged, so this run is not used.") for path in plan.damaged]
    here = {job.source.id for job in jobs}
    lines += _missing([gap for gap in plan.gaps if not jobs or gap.source.id in here or len(jobs) == len(plan.jobs)])
    return lines


def _sum(todo: Sequence[Job], all_of: int, workers: int, budget: str | None) -> str:
    known = [job.seconds for job in todo if job.seconds is not None]
    text = f"{all_of} runs, {all_of - len(todo)} of them there already, {len(todo)} to do"
    if known:
        text += f", about {duration(sum(known) / workers)}"
    if unknown := len(todo) - len(known):
        text += f"{' and' if known else ','} {unknown} of unknown length (no run of the model on these data was found)"
    if any(job.estimate and job.estimate.by_table for job in todo):
        text += '; "by a table": from its seconds per epoch, perhaps of another machine, without the evaluation'
    return text + (f"; within {budget}, one seed of every row before the second of any" if budget else "") + "."


def _grouped(jobs: Sequence[Job]) -> dict[tuple[str, str], list[Job]]:
    found: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        found.setdefault((job.row.label, job.source.title), []).append(job)
    return found


def _missing(gaps: Sequence[Gap]) -> list[str]:
    lines = [f"without {gap.source.title}: {gap.advice or gap.why}" for gap in gaps if gap.row is None]
    by_why: dict[str, list[str]] = {}
    for gap in gaps:
        if gap.row is not None:
            by_why.setdefault(f"without {gap.row.label}: {gap.why}", []).append(gap.source.title)
    lines += [f"{why} ({', '.join(titles)})" for why, titles in by_why.items()]
    return [wrapped(line) for line in lines]


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "")


def made_lines(written: Written) -> list[str]:
    ours, all_of = filled(written.made.lines)
    found = f"{ours} of the {all_of} published numbers have one of ours beside them" if all_of else "made"
    return ["", wrapped(f"{found}: {', '.join(map(str, written.files))}")]
