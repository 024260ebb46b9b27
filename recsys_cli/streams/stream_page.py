"""A measured stream as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from recsys_cli.evaluation.names import lower_is_better
from recsys_cli.pages.figures import Figure, Series, lines
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import Cell, code, figure, figures, page, paragraph, section, table
from recsys_cli.streams.measure import Measured, Row
from recsys_cli.streams.table import first_metric, less_retrained, shards_of, times_retraining

MOST = 8  # metrics of a table
NOT_EXACT = "not exact"


def stream_page(found: Measured, settings, made_by: str) -> str:
    """settings: of the command."""
    rows, stream = found.rows, found.stream
    metric = first_metric(rows)
    drawn = drawings(rows, metric)
    return page(
        f"{len(stream.requests):,} requests to forget",
        section("What it costs", *_costs(rows), figures(*(figure(d) for d in drawn[1:]))),
        section("What is left of the model", *_metrics(rows, settings.seed), figure(drawn[0])),
        section("What is still in lists", *_listed(rows)),
        section("How it was done", *_how(found, settings)),
        about=f"{stream.about}; {', '.join(source.config.model.name for source in found.sources[:1])} on "
        f"{found.sources[0].config.data.name}",
        footer=paragraph("Made by ", code(made_by)),
    )


def drawings(rows: Sequence[Row], metric: str) -> list[Figure | None]:
    """The metric by the share of the stream, and the waiting and the seconds of work by the size of a batch."""
    smallest = min(row.batch for row in rows)
    by_share = []
    for name in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == name and row.batch == smallest]
        by_share.append(Series(_label(own[0]), [r.share for r in own], [r.point.metrics["all"][metric] for r in own]))
    last = max(row.share for row in rows)
    waits, works = [], []
    for name in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == name and row.share == last]
        sizes = [row.batch for row in own]
        waits.append(Series(_label(own[0]), sizes, [row.waiting.p95 for row in own]))
        works.append(Series(_label(own[0]), sizes, [row.waiting.total / row.n for row in own]))
    many = len({row.batch for row in rows}) > 1
    return [
        lines(by_share, "share of the requests, %", metric),
        lines(works, "requests in a batch", "seconds of work per request", log_x=many),
        lines(waits, "requests in a batch", "seconds waited, 95th percentile", log_x=many),
    ]


def _label(row: Row) -> str:
    return row.way if row.exact else f"{row.way} ({NOT_EXACT})"


def _costs(rows: Sequence[Row]) -> list[Html]:
    header = [
        "way",
        "batch",
        "requests",
        "s of work per request",
        "x retraining",
        "total s",
        "waited p50",
        "p95",
        "max",
        "shards per batch",
    ]
    body = [
        [
            _way(row),
            row.batch,
            row.n,
            f"{row.waiting.total / row.n:.3f}",
            times_retraining(row, rows),
            f"{row.waiting.total:.1f}",
            *(f"{seconds:.2f}" for seconds in row.waiting[:3]),
            shards_of(row),
        ]
        for row in rows
    ]
    told = (
        "Work: everything a request costs but the scoring of the test part. Waited: seconds from the arrival of a request "
        "until it is carried out, with waiting for its batch and for those before it; one machine, simulated arrivals. "
        "Retraining is measured at the scored shares; batches before count as long as the next of them."
    )
    return [table(header, body), paragraph(told, mark="soft")]


def _metrics(rows: Sequence[Row], seed: int) -> list[Html]:
    names = list(rows[0].point.metrics["all"])[:MOST]
    body, groups = [], []
    for row in rows:
        less = less_retrained(row, seed)
        cells = []
        for name in names:
            found, mark = less.get(name), ""
            if found is not None and (found.low > 0 or found.high < 0):
                mark = "good" if (found.mean > 0) != lower_is_better(name) else "bad"
            note = "" if found is None else f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
            cells.append(Cell(f"{row.point.metrics['all'][name]:.4f}", mark, note))
        body.append([_way(row), row.batch, f"{row.share} %", *cells])
        for group in ("active", "less active"):
            if group in row.point.metrics:
                own = row.point.metrics[group]
                groups.append(
                    [_way(row), row.batch, f"{row.share} %", group, *(f"{own[n]:.4f}" for n in names if n in own)]
                )
    told = (
        "Beside each value: less retraining at the same share, paired by user, with a 95 % bootstrap interval; shaded where "
        "0 is outside."
    )
    return [
        table(["way", "batch", "done", *names], body),
        paragraph(told, mark="soft"),
        table(
            ["way", "batch", "done", "users", *names], groups, "By the number of training pairs of the user.", texts=[3]
        ),
    ]


def _listed(rows: Sequence[Row]) -> list[Html]:
    body = [
        [
            _way(row),
            row.batch,
            f"{row.share} %",
            f"@{k}",
            f"{values['users']:,}",
            f"{values['share']:.4f}",
            f"{row.against.watched[k]['share']:.4f}" if row.against and k in row.against.watched else "",
            f"{values['mean']:.3f}",
            values["least"],
            values["most"],
        ]
        for row in rows
        for k, values in row.point.watched.items()
    ]
    if not body:
        return [paragraph("Whole users were forgotten: nobody is left whose lists could hold what was forgotten.")]
    header = ["way", "batch", "done", "lists", "users", "share with one", "retrained", "per user", "least", "most"]
    told = (
        "The share of users with a forgotten (or watched) item in their list. A model that never saw the pairs may list "
        "such an item all the same: what counts is the difference from retraining."
    )
    return [table(header, body, texts=[3]), paragraph(told, mark="soft")]


def _how(found: Measured, settings) -> list[Html]:
    exact = list(dict.fromkeys(row.way for row in found.rows if row.exact))
    others = list(dict.fromkeys(row.way for row in found.rows if not row.exact))
    rows = [[source.config.unlearning.name, str(source.path), source.identity] for source in found.sources]
    blocks = [
        paragraph(f"Exact, to the bytes of training on the rest: {', '.join(exact)}."),
        *(
            [paragraph(f"NOT exact: {', '.join(others)}. Nobody can prove that they forgot anything.", mark="warning")]
            if others
            else []
        ),
        paragraph(f"Arrivals: {settings.arrivals}, one every {settings.every:g} s on average."),
        table(["method", "run", "state"], rows, "Runs; they stay as they are.", texts=[1, 2]),
    ]
    if recorded := sum(one.recorded for row in found.rows for one in row.spent):
        blocks.append(
            paragraph(f"{recorded} batches were cut off by a kill; their seconds are those of training alone.")
        )
    return blocks


def _way(row: Row) -> Cell:
    return Cell(row.way, "", "" if row.exact else NOT_EXACT)
