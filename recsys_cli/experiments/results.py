"""A table of results as a document and as lines of CSV."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from recsys_cli.experiments.cells import Cell, RunsByRow, among, cells_of, runs_by_row, shown
from recsys_cli.experiments.document import Document, Part, Shown, Table, sentence
from recsys_cli.experiments.followups import BEYOND
from recsys_cli.experiments.improvement import improvements
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.made import Made, unavailable_lines
from recsys_cli.experiments.parts import data_part, deviations_part, missing_part, runs_part, seconds_part
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.published import Published
from recsys_cli.experiments.significance import Comparison, comparisons
from recsys_cli.experiments.spec import Source
from recsys_cli.experiments.verdict import BETTER, INCOMPARABLE, OTHER, RI, SHORT

MARKS = {BETTER: "good", SHORT: "bad", OTHER: "bad", INCOMPARABLE: "soft"}


def results(plan: Plan, numbers: Published, ledger: Ledger) -> Made:
    experiment = plan.experiment
    runs, damaged = runs_by_row(plan)
    metrics = experiment.settings.metrics
    cells = cells_of(experiment, plan.sources, runs, metrics, numbers, ledger)
    tested = comparisons(cells, runs)
    if reference := experiment.settings.improvement:
        cells += improvements(cells, reference, numbers)
    columns = [*metrics, RI] if reference else metrics
    caption = f"{RI}: how much better {reference} is, in percent, mean over the metrics."
    parts, lines = [], [_line(cell, runs) for cell in cells]
    for source in plan.sources:
        if own := [cell for cell in cells if cell.source == source]:
            tables = [
                grid([c for c in own if c.metric in alike], alike, caption if RI in alike else "")
                for alike in _by_candidates(columns)
            ]
            parts.append(Part(source.title, [*_about(source), *tables]))
    if tested:
        parts.append(Part("Paired tests", [_tests(tested)]))
    if experiment.settings.beyond:
        beyond, _ = runs_by_row(plan, BEYOND)
        further, more = _beyond(plan, beyond)
        parts += further
        lines += more
    parts += [
        seconds_part(experiment, runs),
        data_part(plan),
        deviations_part(experiment, ledger),
        missing_part(plan, damaged),
        runs_part(experiment, runs),
    ]
    about = f"{sentence(experiment.settings.protocol)} {LEGEND}".strip()
    title = f"{experiment.group.capitalize()} {experiment.name}: {experiment.settings.title}"
    document = Document(title, about, [part for part in parts if part.blocks])
    return Made(document, lines + unavailable_lines(experiment, numbers, lines))


LEGEND = (
    "Each cell: ours, mean over seeds ± standard deviation, and in brackets the published number and the relative "
    "difference; underlined: the best of the rows that are not the paper's own."
)


def _by_candidates(metrics: Sequence[str]) -> list[list[str]]:
    """A table for each set of items that is ranked among (evaluation.candidates)."""
    found: dict[str, list[str]] = {}
    for metric in metrics:
        found.setdefault(among(metric)[0], []).append(metric)
    return list(found.values())


def grid(cells: Sequence[Cell], metrics: Sequence[str], caption: str = "") -> Table:
    """Rows by metrics, of one data set."""
    by_place = {(cell.row.label, cell.metric): cell for cell in cells}
    labels = dict.fromkeys(cell.row.label for cell in cells)
    seeds = {label: max(len(c.ours) for c in cells if c.row.label == label) for label in labels}
    rows = [
        [label, *(_shown(by_place.get((label, metric))) for metric in metrics), str(seeds[label] or "-")]
        for label in labels
    ]
    return Table(["row", *metrics, "seeds"], rows, caption)


def _about(source: Source) -> list[str]:
    return [sentence(source.because)] if source.because else []


def _shown(cell: Cell | None) -> Shown:
    if cell is None:
        return Shown("")
    note = shown(cell.published.value, cell.published) if cell.published else ""
    if cell.mean is None:
        return Shown("-", "soft", note)
    value = shown(cell.mean, cell.published, cell.metric) + (f" ± {cell.sd:.2g}" if cell.sd is not None else "")
    if cell.verdict.difference is not None:
        note += f", {cell.verdict.difference:+.1f} %"
    if cell.verdict.word == INCOMPARABLE:
        note += ", not comparable"
    return Shown(value, "second" if cell.best else MARKS.get(cell.verdict.word, ""), note)


def _line(cell: Cell, runs: RunsByRow) -> dict[str, str]:
    there = runs.get((cell.source.id, cell.row.label), [])
    return {
        "data": cell.source.title,
        "row": cell.row.label,
        "metric": cell.metric,
        "published": f"{cell.published.value:g}" if cell.published else "",
        "ours": "" if cell.mean is None else f"{cell.mean:.5g}",
        "sd": "" if cell.sd is None else f"{cell.sd:.2g}",
        "difference %": "" if cell.verdict.difference is None else f"{cell.verdict.difference:+.1f}",
        "verdict": cell.verdict.word,
        "why": cell.verdict.why,
        "best of the others": "yes" if cell.best else "",
        "seeds": str(len(cell.ours) or ""),
        "s/epoch": f"{statistics.median(r.record['seconds_per_epoch'] for r in there):.4g}" if cell.ours else "",
        "epochs": str(there[0].record["epoch"]) if cell.ours else "",
        "printed": cell.published.note if cell.published else "",
    }


def _tests(tested: Sequence[Comparison]) -> Table:
    rows = [
        [
            f"{c.row} - {c.against}", c.source, c.metric, f"{c.difference:+.4f}",
            str(c.users or "-"), _p(c.p_users), str(c.seeds), _p(c.p_seeds),
        ]
        for c in tested
    ]  # fmt: skip
    caption = (
        "The paper's own rows against the best of the others. p: Student's paired t test over users (values of a user "
        "averaged over seeds), and over seeds (three or more, where the other row draws); Holm's correction over all lines."
    )
    header = ["rows", "data", "metric", "difference", "users", "p (users)", "seeds", "p (seeds)"]
    return Table(header, rows, caption, [1, 2])


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _beyond(plan: Plan, runs: RunsByRow) -> tuple[list[Part], list[dict[str, str]]]:
    """The ranking without what the user has in an auxiliary behaviour, and how much that is."""
    experiment, metrics = plan.experiment, plan.experiment.settings.metrics
    parts, lines = [], []
    for source in experiment.sources:
        job = next((job for job in plan.jobs if job.source == source), None)
        cells = cells_of(experiment, [source], runs, metrics)
        if job is None or not cells:
            continue
        text = f"{_shares(job.facts.statistics)} Ranked here without such pairs and items."
        parts.append(Part(f"{source.title}, beyond the auxiliary behaviours", [text, grid(cells, metrics)]))
        lines += [_line(cell, runs) | {"metric": f"{cell.metric} beyond auxiliary", "s/epoch": ""} for cell in cells]
    return parts, lines


def _shares(found: Mapping) -> str:
    held = found.get("test") or {}
    counts = held.get("in_auxiliary", {}).items()
    shares = [f"{count / held['pairs']:.1%} of the test pairs are in '{behaviour}'" for behaviour, count in counts]
    return (", ".join(shares) or "There is no auxiliary behaviour") + "."
