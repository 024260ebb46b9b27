"""A measured stream as a table to read and as a CSV file: one row for a way, a size of batches and a share."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from recsys_cli.evaluation.summary import Interval, intervals, load_per_user
from recsys_cli.streams.measure import RETRAIN, Row
from recsys_cli.text import format_table

RESAMPLES = 1000
HEADER = [
    "way",
    "exact",
    "batch",
    "done",
    "less retrained",
    "s/request",
    "x retrain",
    "wait p50",
    "p95",
    "max",
    "shards",
]


def less_retrained(row: Row, seed: int) -> dict[str, Interval]:
    """Of each metric, the way less retraining, paired by user, with a 95 % bootstrap interval."""
    if row.against is None:
        return {}
    users, here = load_per_user(row.point.per_user)
    others, there = load_per_user(row.against.per_user)
    assert np.array_equal(users, others), "both are scored on what remains"
    return intervals({name: here[name] - there[name] for name in here}, RESAMPLES, seed)


def first_metric(rows: Sequence[Row]) -> str:
    """The one that a short table shows: NDCG at the first cut-off, where there is one."""
    names = list(rows[0].point.metrics["all"])
    return next((name for name in names if name.startswith("NDCG")), names[0])


def as_text(rows: Sequence[Row], seed: int) -> str:
    metric = first_metric(rows)
    cutoffs = list(next((row.point.watched for row in rows if row.point.watched), {}))
    known = [f"listed@{cutoffs[0]}"] if cutoffs else []
    lines = []
    for row in rows:
        found = less_retrained(row, seed).get(metric)
        watched = row.point.watched.get(cutoffs[0], {}) if cutoffs else {}
        lines.append(
            [
                row.way,
                "yes" if row.exact else "NOT exact",
                str(row.batch),
                f"{row.share} %",
                f"{row.point.metrics['all'][metric]:.4f}",
                "" if found is None else f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]",
                f"{row.waiting.total / row.n:.2f}",
                times_retraining(row, rows),
                *(f"{seconds:.1f}" for seconds in row.waiting[:3]),
                shards_of(row),
                *([f"{watched['share']:.3f}" if watched else ""] if cutoffs else []),
            ]
        )
    return format_table([*HEADER[:4], metric, *HEADER[4:], *known], lines)


def times_retraining(row: Row, rows: Sequence[Row]) -> str:
    """The work of a way by that of retraining for the same batches: below 1 it pays."""
    same = [r for r in rows if (r.way, r.batch, r.share) == (RETRAIN, row.batch, row.share) and row.way != RETRAIN]
    return f"{row.waiting.total / same[0].waiting.total:.2f}" if same and same[0].waiting.total else ""


def shards_of(row: Row) -> str:
    counts = [one.shards for one in row.spent if one.shards is not None]
    return f"{np.mean(counts):.1f}" if counts else ""


def as_csv(rows: Sequence[Row], seed: int) -> bytes:
    """All numbers; what a row does not have is empty."""
    columns = [_columns(row, seed) | {"times_retraining": times_retraining(row, rows)} for row in rows]
    names = list(dict.fromkeys(name for one in columns for name in one))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(columns)
    return stream.getvalue().encode()


def requests_csv(rows: Sequence[Row]) -> bytes:
    """The seconds that each request waited, queueing included, at the last share of each way and size."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["way", "exact", "batch", "request", "seconds"])
    last = {(row.way, row.batch): row for row in rows}
    for row in last.values():
        writer.writerows([row.way, row.exact, row.batch, n, f"{s:.3f}"] for n, s in enumerate(row.waited, 1))
    return stream.getvalue().encode()


def _columns(row: Row, seed: int) -> dict[str, Any]:
    w = row.waiting
    found: dict[str, Any] = {
        "way": row.way,
        "exact": row.exact,
        "batch": row.batch,
        "share": row.share,
        "requests": row.n,
        "batches": len(row.spent),
        "seconds_total": round(w.total, 3),
        "seconds_per_request": round(w.total / row.n, 4),
        "wait_p50": round(w.p50, 3),
        "wait_p95": round(w.p95, 3),
        "wait_max": round(w.most, 3),
        "shards_per_batch": shards_of(row),
        "batches_timed_by_the_record": sum(one.recorded for one in row.spent),
        "users": row.point.users,
    }
    for group, metrics in row.point.metrics.items():
        found |= {metric if group == "all" else f"{metric} ({group})": f"{v:.6f}" for metric, v in metrics.items()}
    for metric, (mean, low, high) in less_retrained(row, seed).items():
        found |= {
            f"{metric} less retrained{end}": f"{v:.6f}" for end, v in zip(("", " low", " high"), (mean, low, high))
        }
    for k, values in row.point.watched.items():
        found |= {f"listed@{k} {name}": round(v, 6) for name, v in values.items()}
    return found
