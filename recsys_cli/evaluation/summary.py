"""Means with bootstrap intervals, and per-user results in files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.files import read_file, write_file
from recsys_cli.data.tables import write_table
from recsys_cli.evaluation.metrics import Pooled
from recsys_cli.ops.streams import generator

USERS = "user"


class Interval(NamedTuple):
    mean: float
    low: float
    high: float


def intervals(
    per_user: Mapping[str, np.ndarray | Pooled],
    resamples: int,
    seed: int,
    purpose: str = "bootstrap",
    level: float = 0.95,
) -> dict[str, Interval]:
    """Each metric over all users and its bootstrap percentile interval (Efron 1979).

    Users are drawn with replacement, the same ones for all metrics; one resample at a time is in memory.
    resamples 0: the ends of the interval are NaN.
    """
    pooled = [Pooled.of(values) for values in per_user.values()]
    powers = np.array([p.power for p in pooled])
    weights = np.stack([p.weights for p in pooled], axis=1).astype(float)
    sums = np.stack([p.values**p.power for p in pooled], axis=1) * weights
    means = (sums.sum(axis=0) / weights.sum(axis=0)) ** (1 / powers)
    if not resamples:
        return {name: Interval(float(m), np.nan, np.nan) for name, m in zip(per_user, means)}
    random, n = generator(seed, purpose), len(sums)
    drawn = np.empty((resamples, len(pooled)))
    for row in drawn:
        counts = np.bincount(random.integers(0, n, n), minlength=n)
        row[:] = (counts @ sums / (counts @ weights)) ** (1 / powers)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {name: Interval(*map(float, row)) for name, *row in zip(per_user, means, low, high)}


PerUser = Mapping[str, "np.ndarray | Pooled"]


def save_per_user(path: Path | str, users: np.ndarray, metrics: PerUser) -> None:
    """One row per user, in the format of the name: .npz, .csv or .parquet. The file is complete or absent."""
    path = Path(path)
    if path.suffix != ".npz":
        write_table(path, _columns(users, metrics))
    else:
        write_file(path, per_user_bytes(users, metrics))


def per_user_bytes(users: np.ndarray, metrics: PerUser) -> bytes:
    """The content of a .npz file of one row per user."""
    buffer = io.BytesIO()
    columns: dict[str, Any] = {**_columns(users, metrics)}
    np.savez(buffer, **columns)
    return buffer.getvalue()


def _columns(users: np.ndarray, metrics: PerUser) -> dict[str, np.ndarray]:
    return {USERS: users, **{name: Pooled.of(values).values for name, values in metrics.items()}}


def load_per_user(path: Path | str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """users and metrics as `save_per_user` wrote them into a .npz file."""
    try:
        with np.load(io.BytesIO(read_file(path)), allow_pickle=False) as archive:
            columns = dict(archive)
        users = columns.pop(USERS)
        for name, values in columns.items():
            if values.shape != users.shape or values.ndim != 1 or values.dtype.kind not in "fiu":
                raise ValueError(f"{name} is not a number for each user")
        return users, columns
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"cannot read per-user results from {path}: {error}. Evaluate again.") from error
