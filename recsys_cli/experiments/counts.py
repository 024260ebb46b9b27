"""A table of counts: what the prepared data sets hold, beside what the paper prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from recsys_cli.experiments.cells import Cell
from recsys_cli.experiments.document import Document, Part, Shown, Table
from recsys_cli.experiments.facts import Facts
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.made import Made, unavailable_lines
from recsys_cli.experiments.parts import deviations_part, facts_part, missing_part
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.published import Published
from recsys_cli.experiments.spec import Row
from recsys_cli.experiments.verdict import OTHER, Verdict, judged

ROW = Row("", "")


def _interactions(facts: Facts) -> int:
    """Of the target, held-out pairs included."""
    held = (facts.statistics.get(part) or {} for part in ("valid", "test"))
    return facts.statistics["train"][facts.target] + sum(part.get("pairs", 0) for part in held)


def _density(facts: Facts) -> float:
    return 100 * _interactions(facts) / (facts.statistics["users"] * facts.statistics["items"])


def _sides(facts: Facts) -> list[Mapping[str, Any]]:
    """Fields of users and of items: names, and the number of their values in all."""
    return [side for side in facts.fields.values() if side]


COUNTS: Mapping[str, Callable[[Facts], float | None]] = {
    "users": lambda f: f.statistics["users"],
    "items": lambda f: f.statistics["items"],
    "interactions": _interactions,
    "purchases": _interactions,
    "ratings": _interactions,
    "views": lambda f: f.statistics["train"].get("view"),
    "carts": lambda f: f.statistics["train"].get("cart"),
    "density": _density,
    "sparsity": lambda f: 100 - _density(f),
    "ratings_per_user": lambda f: _interactions(f) / f.statistics["users"],
    "ratings_per_item": lambda f: _interactions(f) / f.statistics["items"],
    "social_links": lambda f: f.statistics["friends"],
    "triples": lambda f: f.statistics["triples"],
    "entities": lambda f: f.sizes.get("entities"),
    "relations": lambda f: f.sizes.get("relations"),
    "feature_fields": lambda f: sum(len(side["names"]) for side in _sides(f)) or None,
    "features": lambda f: sum(side["values"] for side in _sides(f)) or None,
}


def counts(plan: Plan, numbers: Published, ledger: Ledger) -> Made:
    experiment, cells = plan.experiment, []
    for source in plan.sources:
        facts = plan.facts.get(source.id)
        for metric in experiment.settings.metrics:
            number = numbers.find(source.published, "", metric)
            ours = COUNTS[metric](facts) if facts else None
            if number or ours is not None:
                reasons = ledger.reasons(experiment, source, ROW)
                verdict = Verdict() if ours is None else judged(metric, ours, number, reasons)
                cells.append(Cell(source, ROW, metric, number, () if ours is None else (ours,), verdict))
    parts = [
        Part("Counts", [_grid(cells)]),
        facts_part(plan),
        deviations_part(experiment, ledger),
        missing_part(plan),
    ]
    lines = [_line(cell) for cell in cells]
    lines += unavailable_lines(experiment, numbers, lines)
    title = f"{experiment.group.capitalize()} {experiment.name}: {experiment.settings.title}"
    about = "What `recsys prepare` counts, and in brackets what is printed where that is something else."
    document = Document(title, about, [part for part in parts if part.blocks])
    return Made(document, lines)


def _grid(cells: list[Cell]) -> Table:
    metrics = list(dict.fromkeys(cell.metric for cell in cells))
    by_place = {(cell.source.id, cell.metric): cell for cell in cells}
    titles = {cell.source.id: cell.source.title for cell in cells}
    rows = [[title, *(_shown(by_place.get((id, metric))) for metric in metrics)] for id, title in titles.items()]
    return Table(["data", *(metric.replace("_", " ") for metric in metrics)], rows)


def _shown(cell: Cell | None) -> Shown:
    if cell is None:
        return Shown("")
    if cell.published and cell.mean is None:
        return Shown("-", "soft", _number(cell.published.value))
    assert cell.mean is not None
    if not cell.published:
        return Shown(_number(cell.mean))
    printed = _number(cell.published.value) if cell.verdict.word == OTHER else ""
    return Shown(_number(cell.mean), "bad" if printed else "", printed)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.2f}"


def _line(cell: Cell) -> dict[str, str]:
    return {
        "data": cell.source.title,
        "metric": cell.metric,
        "published": f"{cell.published.value:.10g}" if cell.published else "",
        "ours": "" if cell.mean is None else f"{cell.mean:.10g}",
        "difference %": "" if cell.verdict.difference is None else f"{cell.verdict.difference:+.2f}",
        "verdict": cell.verdict.word,
        "why": cell.verdict.why,
        "printed": cell.published.note if cell.published else "",
    }
