"""Values by user of several rows, brought into one order: of runs, and of files made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.delimited import Delimited
from data_prep.errors import UserError
from data_prep.files import read_file
from data_prep.ids import Texts, places
from recsys_cli.reports.rows import Row
from recsys_cli.runs.kept import read_per_user


class Table(NamedTuple):
    """users: raw ids [n]. values: metric -> float64 [n], over seeds the mean."""

    users: np.ndarray
    values: dict[str, np.ndarray]


class Aligned(NamedTuple):
    """tables: name of row -> metric -> float64 [n] of the same n users in the same order. notes: who was left out."""

    n: int
    tables: dict[str, dict[str, np.ndarray]]
    notes: list[str]


def of_row(row: Row, result: str) -> Table | None:
    """The mean over the seeds of every user; None where a run has kept no values per user."""
    tables = [read_per_user(run.path, result) for run in row.runs.values()]
    kept = [table for table in tables if table is not None]
    if len(kept) < len(tables):
        return None
    users = kept[0][0]
    common = [name for name in kept[0][1] if all(name in values for _, values in kept)]
    sums = {name: np.zeros(len(users)) for name in common}
    for run, (own, values) in zip(row.runs.values(), kept):
        found = places(own, users)
        if len(own) != len(users) or (found < 0).any():
            raise UserError(
                f"{run.path}: its values per user are not of the users of {next(iter(row.runs.values())).path}."
            )
        for name in common:
            sums[name][found] += values[name]
    return Table(users, {name: total / len(kept) for name, total in sums.items()})


def of_file(path: Path) -> Table:
    """A delimited text file with a column `user` of raw ids and a column of numbers per metric."""
    try:
        content = Delimited(read_file(path), str(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    if "user" not in content.names or len(content.names) < 2:
        raise UserError(
            f"{path} has the columns {', '.join(content.names)}: a file of values per user needs a column `user` with raw "
            "ids and one column per metric, such as user,NDCG@10."
        )
    column = content.names.index("user")
    metrics = [place for place in range(len(content.names)) if place != column]
    read = content.read([column], {place: lambda series, _: np.asarray(series) for place in metrics})
    users = Texts.of(read[column])
    values = {}
    for place in metrics:
        numbers = read[place]
        if numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
            row = _first_wrong(numbers)
            raise UserError(
                f"{path}, line {content.line_of(row)}: {content.names[place]} is {str(numbers[row])[:40]!r}, and has to be a "
                "number for every user."
            )
        values[content.names[place]] = numbers.astype(float)
    ids = np.array([users[row] for row in range(len(users))])
    if len(np.unique(ids)) < len(ids):
        raise UserError(f"{path} names a user twice; a file of values per user has one line for each.")
    return Table(ids, values)


def aligned(tables: Mapping[str, Table]) -> Aligned:
    """The users that all of them have, in the order of the first. Raises UserError where there is none."""
    first_name, first = next(iter(tables.items()))
    where = {name: _places(first.users, table.users) for name, table in tables.items()}
    kept = np.all([found >= 0 for found in where.values()], axis=0)
    if not kept.any():
        raise UserError(
            f"{' and '.join(tables)} have no user in common, so there is nothing to pair: ids are those of the raw data, "
            f"letter by letter, e.g. {first.users[0]} in {first_name}."
        )
    notes = [
        f"{name} has {len(table.users):,} users, of which the {int(kept.sum()):,} that all rows have are compared."
        for name, table in tables.items()
        if len(table.users) != kept.sum()
    ]
    values = {
        name: {metric: column[where[name][kept]] for metric, column in table.values.items()}
        for name, table in tables.items()
    }
    return Aligned(int(kept.sum()), values, notes)


def common_metrics(names: Sequence[Sequence[str]]) -> list[str]:
    return [name for name in names[0] if all(name in others for others in names[1:])]


def _places(raw: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Ids that are numbers in one file and texts in the other are compared by their plain decimal spelling."""
    if raw.dtype.kind in "iu" and ids.dtype.kind not in "iu":
        raw = raw.astype(str)
    return places(raw, ids)


def _first_wrong(numbers: np.ndarray) -> int:
    for row, value in enumerate(numbers):
        try:
            if not np.isfinite(float(value)):
                return row
        except (TypeError, ValueError):
            return row
    return 0
