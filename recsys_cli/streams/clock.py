"""A simulated clock: when requests arrive, which are carried out together, and how long each waits until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recsys_cli.ops.streams import generator


class Batch(NamedTuple):
    """Requests first .. last - 1, carried out together; ready: when the last of them may begin, in seconds."""

    first: int
    last: int
    ready: float


class Waiting(NamedTuple):
    """Seconds from the arrival of a request until it is carried out, over requests; total: in which the machine works."""

    p50: float
    p95: float
    most: float
    total: float


def arrivals(n: int, every: float, kind: str, seed: int) -> np.ndarray:
    """float64 [n], ascending. every: mean seconds between two. kind: regular, or poisson (exponential gaps)."""
    gaps = np.full(n, every) if kind == "regular" else generator(seed, "streams/arrivals").exponential(every, n)
    return np.cumsum(gaps)


def batches(arrived: np.ndarray, size: int, wait: float | None, points: Sequence[int]) -> list[Batch]:
    """size: carried out when so many are there. wait: and at the latest so many seconds after the first of them arrived.

    points: numbers of requests after which the models are scored; a batch ends there, so that all ways have done the same.
    """
    found, first = [], 0
    ends = sorted({*points, len(arrived)})
    while first < len(arrived):
        full, end = first + size, next(end for end in ends if end > first)
        last = min(full, end)
        ready = float(arrived[last - 1])
        if wait is not None:
            closes = float(arrived[first]) + wait
            in_time = int(np.searchsorted(arrived, closes, side="right"))
            if in_time < full:
                last, ready = min(in_time, end), closes
        found.append(Batch(first, last, ready))
        first = last
    return found


def waiting(arrived: np.ndarray, done: Sequence[Batch], seconds: Sequence[float]) -> tuple[np.ndarray, Waiting]:
    """One machine carries out one batch after the other. seconds: that each takes.

    Returns, for each request of these batches, the seconds from its arrival to its end (queueing included), and their
    summary.
    """
    free, ends = 0.0, []
    for batch, took in zip(done, seconds, strict=True):
        free = max(free, batch.ready) + took
        ends += [free] * (batch.last - batch.first)
    waited = np.array(ends) - arrived[: len(ends)]
    p50, p95 = np.percentile(waited, [50, 95])
    return waited, Waiting(float(p50), float(p95), float(waited.max()), float(sum(seconds)))
