"""A trial's validation by epoch, and when it is given up by what the others had reached there."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from recsys_cli.sweeps.settings import SearchSettings

Curve = dict[int, float]  # by epoch, ascending


def curve_of(rows: Sequence[Mapping[str, Any]], metric: str) -> Curve:
    """rows: of metrics.jsonl."""
    return {row["epoch"]: row[metric] for row in rows if isinstance(row.get(metric), int | float)}


def best_of(curve: Curve, lower: bool) -> tuple[int, float]:
    """Epoch and value of the best one, the first of equals."""
    epoch = (min if lower else max)(curve, key=lambda e: curve[e])
    return epoch, curve[epoch]


def given_up_at(curve: Curve, others: Sequence[Curve], search: SearchSettings, epochs: int, lower: bool) -> int | None:
    """The first epoch at which the best so far is worse than the median of what the others had by then; None: never.

    others: of complete trials. epochs: of a whole trial. The last epoch gives nothing up.
    """
    if not search.prune or len(others) < search.prune_after:
        return None
    sign = -1 if lower else 1
    for epoch in curve:
        if epoch < search.prune_from * epochs or epoch >= epochs:
            continue
        reached = [so_far for other in others if (so_far := _by(other, epoch, sign)) is not None]
        own = _by(curve, epoch, sign)
        if own is not None and len(reached) >= search.prune_after and own < statistics.median(reached):
            return epoch
    return None


def _by(curve: Curve, epoch: int, sign: int) -> float | None:
    return max((sign * value for e, value in curve.items() if e <= epoch), default=None)
