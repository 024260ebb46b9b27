"""The points of a figure: what each run puts on which place of which line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.experiments.measured import Measured
from recsys_cli.experiments.spec import Axis
from recsys_cli.runs.metrics_log import METRICS, read_epochs


class Dot(NamedTuple):
    """x: a number or a word; y: of a grid, the other axis."""

    x: Any
    value: float
    y: float | None = None


def over_epochs(run: Measured, metric: str, axis: Axis | None) -> Iterator[Dot]:
    """What was measured while the run trained (trainer.eval_every)."""
    for entry in read_epochs(run.path / METRICS):
        if metric in entry:
            yield Dot(entry["epoch"], entry[metric])


def over_settings(run: Measured, metric: str, axis: Axis | None) -> Iterator[Dot]:
    """The final result."""
    if metric in run.metrics:
        yield Dot(run.job.point.x, run.metrics[metric], run.job.point.y)


def over_activity(run: Measured, metric: str, axis: Axis | None) -> Iterator[Dot]:
    """Groups of users by their training pairs of the target behaviour; axis.bounds: of each group but the last."""
    assert axis
    bounds = axis.bounds.get(run.job.source.id) or axis.bounds["all"]
    return by_activity(run.per_user, Path(run.job.facts.directory), metric, bounds)


def by_activity(per_user: Path, data: Path, metric: str, bounds: Sequence[int]) -> Iterator[Dot]:
    """per_user: the file of a result. data: the prepared data set of its run."""
    from data_prep.ids import places
    from recsys_cli.data.load import load_prepared
    from recsys_cli.evaluation.summary import load_per_user
    from recsys_cli.statistics.spread import groups_by_count

    raw, metrics = load_per_user(per_user)
    dataset = load_prepared(data, validate=False)
    users = places(raw, dataset.user_ids)
    if metric not in metrics or (users < 0).any():
        raise UserError(f"{per_user} does not have {metric} of the users of these data: evaluate or train again.")
    groups = groups_by_count(dataset.target_train.row_lengths[users], bounds=bounds)
    means, sizes = groups.means(metrics[metric]), groups.sizes()
    for name, mean, size in zip(groups.names, means, sizes):
        if size and np.isfinite(mean):
            yield Dot(f"{name} ({size:,} users)", float(mean))


READERS: Mapping[str, Callable[[Measured, str, Axis | None], Iterator[Dot]]] = {
    "epochs": over_epochs,
    "setting": over_settings,
    "grid": over_settings,
    "activity": over_activity,
}
