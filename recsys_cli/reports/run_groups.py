"""A run by groups: users by their number of training pairs, items by theirs."""

from __future__ import annotations

import numpy as np

from recsys_cli.pages.figures import Series, bars
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import figure, figures, paragraph, table
from recsys_cli.reports.run_facts import RunFacts, distinct
from recsys_cli.reports.scored import by_item_group, of_lists
from recsys_cli.statistics.paired import bootstrap_interval
from recsys_cli.statistics.spread import Groups

MOST = 2  # figures
COLUMNS = 8  # metrics of a table


def by_users(found: RunFacts) -> list[Html]:
    groups = found.user_groups()
    if groups is None:
        return []
    metrics = distinct(found.per_user)[:COLUMNS]
    sizes = groups.sizes()
    means = {metric: groups.means(found.per_user[metric]) for metric in metrics}
    rows = [
        [name, f"{sizes[n]:,}", *(_number(means[metric][n]) for metric in metrics)]
        for n, name in enumerate(groups.names)
        if sizes[n]
    ]
    drawn = [figure(_bars(groups, found.per_user[metric], metric)) for metric in _first(metrics)]
    return [
        paragraph("By the number of training pairs of the target behaviour; intervals: 95 %, over users."),
        table(["training pairs of the user", "users", *metrics], rows),
        figures(*drawn),
    ]


def by_items(found: RunFacts) -> list[Html]:
    groups = found.item_groups()
    if groups is None or found.scored is None:
        return []
    k = min(10, found.scored.lists.shape[1])
    rows = by_item_group(found.scored, groups, k)
    shown = [
        [name, f"{items:,.0f}", f"{train:.1%}", f"{places:.1%}", f"{held:,.0f}", _number(recall)]
        for name, (items, train, places, held, recall) in zip(groups.names, rows)
        if items
    ]
    there = [n for n, row in enumerate(rows) if row[0]]
    names = [groups.names[n] for n in there]
    shares = [
        Series("training pairs", names, [rows[n][1] for n in there]),
        Series(f"first {k} places", names, [rows[n][2] for n in there]),
    ]
    recalls = [Series(f"Recall@{k}", names, [float(np.nan_to_num(rows[n][4])) for n in there])]
    header = ["training pairs of the item", "items", "of training", f"of the first {k} places", "held-out pairs"]
    return [
        paragraph(
            "By the number of training pairs of the target behaviour. Recall: of the held-out pairs of these items."
        ),
        table([*header, f"Recall@{k}"], shown),
        figures(
            figure(bars(shares, "training pairs of the item", "share")),
            figure(bars(recalls, "training pairs of the item", f"Recall@{k}")),
        ),
    ]


def beyond_accuracy(found: RunFacts) -> list[Html]:
    """Of all lists, and of those of each group of users."""
    scored = found.scored
    if scored is None:
        return []
    cutoffs = sorted({k for name in found.metrics if (k := _cutoff(name)) and k <= scored.lists.shape[1]})
    tables = []
    groups = found.user_groups()
    for k in cutoffs[:3] or [scored.lists.shape[1]]:
        lists = scored.lists[:, :k]
        rows: list[tuple[str, int, dict[str, float]]] = [("all", len(lists), of_lists(scored, lists))]
        if groups is not None and np.array_equal(found.users, scored.users):
            own = [np.flatnonzero(groups.of == n) for n in range(len(groups.names))]
            rows += [(n, len(o), of_lists(scored, lists[o])) for n, o in zip(groups.names, own) if len(o)]
        names = list(rows[0][2])
        tables.append(
            table(
                ["training pairs of the user", "users", *names],
                [[n, f"{c:,}", *(_number(v[x]) for x in names)] for n, c, v in rows],
            )
        )
    told = (
        "Coverage: share of all items that are in a list. Gini: 0 where all items are recommended equally often. Novelty: "
        "mean -log2 of the share of users who have an item. Diversity: 1 less the mean cosine of the features of two items "
        "of a list (where the data have features)."
    )
    return [paragraph(told, mark="soft"), *tables]


def _bars(groups: Groups, values: np.ndarray, metric: str):
    there = [n for n, size in enumerate(groups.sizes()) if size]
    own = [values[groups.of == n] for n in there]
    means = [float(v.mean()) for v in own]
    ends = [bootstrap_interval(v) for v in own]
    low = [m if e[0] is None else e[0] for m, e in zip(means, ends)]
    high = [m if e[1] is None else e[1] for m, e in zip(means, ends)]
    return bars(
        [Series(metric, [groups.names[n] for n in there], means, low, high)], "training pairs of the user", metric
    )


def _first(metrics: list[str]) -> list[str]:
    """One of each family."""
    families = {name.partition("@")[0]: name for name in reversed(metrics)}
    return [name for name in metrics if name in families.values()][:MOST]


def _cutoff(name: str) -> int | None:
    k = name.partition("@")[2]
    return int(k) if k.isdigit() else None


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4f}"
