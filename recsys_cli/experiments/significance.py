"""Whether the paper's own rows differ from the best of the others by more than chance: over users and over seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys_cli.experiments.cells import Cell, RunsByRow
from recsys_cli.experiments.measured import Measured, PerUser

FEWEST_SEEDS = 3


class Comparison(NamedTuple):
    """difference: of the means. p of Student's paired t test, corrected by Holm over all comparisons of the table.

    seeds: those that both rows have.
    """

    source: str
    metric: str
    row: str
    against: str
    difference: float
    users: int
    p_users: float | None
    seeds: int
    p_seeds: float | None


def comparisons(cells: list[Cell], runs: RunsByRow) -> list[Comparison]:
    from recsys_cli.statistics.corrections import holm

    per_user, found = PerUser(), []
    for best in (cell for cell in cells if cell.best):
        for own in cells:
            if own.row.own and own.mean is not None and (own.source, own.metric) == (best.source, best.metric):
                found.append(_compared(own, best, runs, per_user))
    by_users, by_seeds = holm([c.p_users for c in found]), holm([c.p_seeds for c in found])
    return [c._replace(p_users=u, p_seeds=s) for c, u, s in zip(found, by_users, by_seeds)]


def _compared(own: Cell, other: Cell, runs: RunsByRow, per_user: PerUser) -> Comparison:
    ours, theirs = (runs[cell.source.id, cell.row.label] for cell in (own, other))
    differences = np.zeros(0)
    a, b = per_user.mean(ours, own.metric), per_user.mean(theirs, own.metric)
    if a and b and a[0] == b[0]:
        differences = a[1] - b[1]
    by_seed = [{run.job.seed: run for run in side} for side in (ours, theirs)]
    common = sorted(by_seed[0].keys() & by_seed[1].keys())
    return Comparison(
        own.source.title,
        own.metric,
        own.row.label,
        other.row.label,
        (own.mean or 0.0) - (other.mean or 0.0),
        len(differences),
        _p(differences),
        len(common),
        _over_seeds([_value(by_seed[0][s], own) - _value(by_seed[1][s], own) for s in common], other.row.draws),
    )


def _value(run: Measured, cell: Cell) -> float:
    return run.metrics[cell.metric]


def _over_seeds(differences: list[float], draws: bool) -> float | None:
    return _p(np.array(differences)) if draws and len(differences) >= FEWEST_SEEDS else None


def _p(differences: np.ndarray) -> float | None:
    from recsys_cli.statistics.paired import t_test

    return t_test(differences).p if len(differences) else None
