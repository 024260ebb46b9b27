"""Rows side by side, and every pair of them tested over users and over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError, nearest
from recsys_cli.reports.per_user import aligned, common_metrics, of_file, of_row
from recsys_cli.reports.rows import Row, rows_of
from recsys_cli.statistics.corrections import CORRECTIONS
from recsys_cli.statistics.paired import TESTS, Effect, effect, effect_over_seeds, randomisation, t_test
from recsys_cli.statistics.spread import mean_and_sd, percentiles


class Measured(NamedTuple):
    """A row of the table. seeds: how many; 0 for a file. metrics: name -> (mean, sd over seeds or None)."""

    name: str
    seeds: int
    metrics: dict[str, tuple[float, float | None]]
    seconds_per_epoch: float | None
    percentiles: dict[str, list[float]]


class Pair(NamedTuple):
    """`one` less `other` in one metric. p: by test; corrected: by correction, of the tests of all pairs and metrics.

    over_seeds: the effect over the seeds that both have, where these are at least two; p_seeds: by test.
    """

    one: str
    other: str
    metric: str
    effect: Effect
    p: dict[str, float | None]
    corrected: dict[str, dict[str, float | None]]
    over_seeds: Effect | None
    p_seeds: dict[str, float | None]


class Comparison(NamedTuple):
    """rows: with their runs. users: how many were paired; 0 where values per user are missing."""

    measured: list[Measured]
    pairs: list[Pair]
    rows: list[Row]
    users: int
    notes: list[str]

    @property
    def metrics(self) -> list[str]:
        return list(self.measured[0].metrics)


def compare(
    runs: Sequence[Path],
    files: Sequence[Path] = (),
    *,
    result: str = "test",
    metrics: Sequence[str] | None = None,
    all_pairs: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """runs: run directories of one data set. files: values per user made elsewhere. metrics: None for all in common.

    all_pairs: every two rows, else each with the first one. Raises UserError where there is nothing to compare.
    """
    rows, notes = rows_of(runs, result) if runs else ([], [])
    tables = {row.name: table for row in rows if (table := of_row(row, result)) is not None}
    without = [row.name for row in rows if row.name not in tables]
    tables |= {str(path): of_file(path) for path in files}
    if len(rows) + len(files) < 2:
        raise UserError(_too_few(rows))
    if without:
        notes.append(
            f"{', '.join(without)}: values per user were not kept (evaluation.per_user=false), so there are no tests over "
            "users. recsys evaluate run=RUN name=NAME evaluation.per_user=true makes them; compare with result=NAME."
        )
    paired = aligned(tables) if len(tables) > 1 and not without else None
    notes += paired.notes if paired else []
    of_runs = [run.result["metrics"] for row in rows for run in row.runs.values()]
    chosen = _metrics([*of_runs, *(tables[str(path)].values for path in files)])
    chosen, said = _told_apart(_wanted(chosen, metrics), paired.tables if paired else {})
    measured = [_measured(row, chosen, paired and paired.tables[row.name]) for row in rows]
    measured += [_of_file(str(f), chosen, tables[str(f)].values) for f in files]
    names = [m.name for m in measured]
    which = list(combinations(names, 2)) if all_pairs else [(name, names[0]) for name in names[1:]]
    pairs = []
    for one, other in which:
        for metric in chosen:
            pairs.append(_pair(one, other, metric, paired and paired.tables, rows, resamples, seed))
    found = [pair for pair in pairs if pair is not None]
    return Comparison(measured, _corrected(found), rows, paired.n if paired else 0, [*notes, *said])


def _pair(one, other, metric, tables, rows: Sequence[Row], resamples: int, seed: int) -> Pair | None:
    """None for what is no mean over users, such as Coverage, where there are not two seeds of both either."""
    by_name = {row.name: row for row in rows}
    over_seeds, p_seeds = None, {}
    if one in by_name and other in by_name:
        values, others = by_name[one].values(metric), by_name[other].values(metric)
        common = [s for s in values if s in others]
        if len(common) > 1:
            differences = np.array([values[s] - others[s] for s in common])
            over_seeds = effect_over_seeds(differences)
            p_seeds = {"randomisation": randomisation(differences).p, "t": t_test(differences).p}
    if not tables or metric not in tables[one] or metric not in tables[other]:
        return None if over_seeds is None else Pair(one, other, metric, over_seeds, {}, {}, over_seeds, p_seeds)
    differences = tables[one][metric] - tables[other][metric]
    tests = dict(TESTS) | {"randomisation": lambda d: randomisation(d, seed, resamples)}
    p = {name: test(differences).p for name, test in tests.items()}
    return Pair(one, other, metric, effect(differences, seed), p, {}, over_seeds, p_seeds)


def _corrected(pairs: list[Pair]) -> list[Pair]:
    found: list[dict[str, dict[str, float | None]]] = [{name: {} for name in CORRECTIONS} for _ in pairs]
    for test in TESTS:
        for name, correct in CORRECTIONS.items():
            for pair, value in zip(found, correct([pair.p.get(test) for pair in pairs])):
                pair[name][test] = value
    return [pair._replace(corrected=corrected) for pair, corrected in zip(pairs, found)]


def _measured(row: Row, metrics: Sequence[str], users: dict[str, np.ndarray] | None) -> Measured:
    seconds = [s for run in row.runs.values() if (s := run.record.get("seconds_per_epoch")) is not None]
    return Measured(
        row.name,
        len(row.runs),
        {metric: mean_and_sd(list(row.values(metric).values())) for metric in metrics},
        float(np.median(seconds)) if seconds else None,
        {m: percentiles(users[m]) for m in metrics if m in users} if users else {},
    )


def _of_file(name: str, metrics: Sequence[str], values: dict[str, np.ndarray]) -> Measured:
    means: dict[str, tuple[float, float | None]] = {m: (float(values[m].mean()), None) for m in metrics}
    return Measured(name, 0, means, None, {metric: percentiles(values[metric]) for metric in metrics})


def _metrics(names: Sequence[Any]) -> list[str]:
    common = common_metrics([list(n) for n in names])
    if not common:
        raise UserError(
            f"there is no metric that all have: {'; '.join(', '.join(n) for n in names)}. Measure them in the same way "
            "(recsys evaluate run=RUN name=NAME) and compare with result=NAME."
        )
    return common


def _wanted(common: list[str], metrics: Sequence[str] | None) -> list[str]:
    for name in metrics or ():
        if name not in common:
            raise UserError(f"metrics={name}: not all rows have it.{nearest(name, common)}")
    return list(metrics or common)


def _told_apart(metrics: list[str], tables: dict[str, dict[str, np.ndarray]]) -> tuple[list[str], list[str]]:
    """Without those that are the same as another for every user, such as Recall of one held-out item: each would count
    as a test more."""
    kept: list[str] = []
    same: dict[str, str] = {}
    for name in metrics:
        twin = next((k for k in kept if tables and all(_equal(t, k, name) for t in tables.values())), None)
        if twin:
            same[name] = twin
        else:
            kept.append(name)
    return kept, [f"{', '.join(f'{a} = {b}' for a, b in same.items())} for every user; shown once."] if same else []


def _equal(values: dict[str, np.ndarray], one: str, other: str) -> bool:
    return one in values and other in values and np.array_equal(values[one], values[other])


def _too_few(rows: Sequence[Row]) -> str:
    if rows:
        return (
            f"there is one row only, {rows[0].name} with {len(rows[0].runs)} seed(s): runs that differ in the seed alone are "
            "taken together. Name runs of other settings as well, or a file with values per user."
        )
    return "name at least two runs to compare, such as recsys compare runs/RUN runs/OTHER."
