"""From the runs that are there to the files: by the kind of the table or figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from recsys_cli.config.library import Library
from recsys_cli.experiments.counts import counts
from recsys_cli.experiments.figures import figure
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.made import Made
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.published import Published, read_published
from recsys_cli.experiments.results import results
from recsys_cli.experiments.spec import Experiment
from recsys_cli.experiments.weights import weights
from recsys_cli.experiments.write import csv_text, write

Maker = Callable[[Plan, Published, Ledger], Made]
MAKERS: Mapping[str, Maker] = {
    "results": results,
    "seconds": results,
    "counts": counts,
    "weights": weights,
    **dict.fromkeys(("epochs", "setting", "activity", "grid"), figure),
}


class Written(NamedTuple):
    files: list[Path]
    made: Made


def needs_runs(experiment: Experiment) -> bool:
    return experiment.settings.kind != "counts"


def made(plan: Plan, library: Library) -> Made:
    """Everything that the runs tell so far."""
    settings = plan.experiment.settings
    return MAKERS[settings.kind](plan, read_published(settings.published), Ledger(library))


def assemble(plan: Plan, library: Library, stem: Path) -> Written:
    """Writes it; the page that a person opens comes last."""
    found = made(plan, library)
    files = [write(stem, "csv", csv_text(found.lines))]
    files.append(write(stem, "md", found.document.markdown()))
    for name, drawn in found.drawings.items():
        if drawn:
            own = stem.with_name(name)
            files += [write(own, "svg", drawn.svg), write(own, "png", drawn.png)]
    files.append(write(stem, "html", found.document.html()))
    return Written(files, found)
