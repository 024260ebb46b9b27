"""How one number of ours stands to the published one."""

from __future__ import annotations

from typing import NamedTuple

from recsys_cli.experiments.published import Number

CLOSE = 3.0  # percent
LOWER_IS_BETTER = ("MAE", "RMSE")
RI = "RI"  # a column of percent: how much better one row is than another, mean over the metrics
SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86400}
TIMES = tuple(SECONDS)

WITHIN, BETTER, SHORT, INCOMPARABLE, EQUAL, OTHER = (
    f"within {CLOSE:.0f} %", "better", "short", "not comparable", "equal", "differs",
)  # fmt: skip


class Verdict(NamedTuple):
    """difference: ours relative to published, in percent. word: '' where nothing is published. why: it is not comparable."""

    difference: float | None = None
    word: str = ""
    why: str = ""


def lower_is_better(metric: str) -> bool:
    return metric.partition("@")[0] in LOWER_IS_BETTER


def judged(metric: str, ours: float, published: Number | None, reasons: list[str]) -> Verdict:
    """reasons: why the two are not numbers of the same thing, if they are not."""
    if published is None:
        return Verdict()
    difference = 100 * (ours / published.value - 1) if published.value else None
    if reasons:
        return Verdict(difference, INCOMPARABLE, "; ".join(reasons))
    if published.unit in TIMES:
        return Verdict(difference, INCOMPARABLE, "another machine")
    if published.unit in ("count", "mean count", "percent"):
        return Verdict(difference, EQUAL if _equal_as_printed(ours, published.value) else OTHER)
    if difference is None or abs(difference) <= CLOSE:
        return Verdict(difference, WITHIN)
    return Verdict(difference, SHORT if (difference > 0) == lower_is_better(metric) else BETTER)


def _equal_as_printed(ours: float, published: float) -> bool:
    """To as many decimals as the paper prints."""
    decimals = len(f"{published:g}".partition(".")[2])
    return round(ours, decimals) == published
