"""A model scored after a share of the stream: metrics by groups of users, and what of the forgotten is still in lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.files import write_file
from data_prep.ids import places
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.protocol import EvaluationSettings, Result, evaluate
from recsys_cli.evaluation.summary import load_per_user, save_per_user
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import Scorer
from recsys_cli.streams.asked import Stream, pairs_of

ACTIVE, OTHERS, ALL = "active", "less active", "all"


class Point(NamedTuple):
    """metrics: group of users -> metric -> mean. watched: k -> what of the watched items is in lists of k. per_user: file
    of the values of each user."""

    metrics: dict[str, dict[str, float]]
    watched: dict[str, dict[str, float]]
    users: int
    per_user: Path


def score_point(
    folder: Path, share: int, config, scorer: Scorer, left: Dataset, stream: Stream, n: int, active: float
) -> Point:
    """Scores on the test part of `left` and keeps it in the folder. n: how many requests are done. active: the share of
    users, those with the most training pairs, that is the group of active ones."""
    settings = EvaluationSettings.from_config(config.evaluation, "evaluation")
    result = evaluate(scorer, left, "test", seed=config.seed, **vars(settings))
    content: dict[str, Any] = {
        "metrics": _by_group(result, left, active),
        "watched": in_lists(scorer, left, _watched(stream, n, left), settings.k),
        "users": len(result.users),
    }
    save_per_user(folder / f"point-{share}.npz", left.user_ids[result.users], _plain(result))
    write_file(folder / f"point-{share}.json", (json.dumps(content, indent=1) + "\n").encode())
    return Point(per_user=folder / f"point-{share}.npz", **content)


def kept_point(folder: Path, share: int) -> Point | None:
    """What `score_point` has kept; None where it has not come to that yet."""
    file, values = folder / f"point-{share}.json", folder / f"point-{share}.npz"
    if not file.exists():
        return None
    load_per_user(values)
    return Point(per_user=values, **json.loads(file.read_text()))


def in_lists(scorer: Scorer, left: Dataset, watched: CSR, cutoffs: Sequence[int]) -> dict[str, dict[str, float]]:
    """watched: users x items by the ids of `left`. Per cut-off: users, the share of them with such an item in their list,
    and how many of them lists have (mean, least, most). Empty where nobody is left to ask."""
    users = np.flatnonzero(watched.row_lengths).astype(np.int32)
    if not len(users):
        return {}
    seen = [left.target_train] + ([left.valid] if left.valid is not None else [])
    lists, _ = top_k(scorer, users, seen, left.n_items, max(cutoffs))
    hits = watched.contains(np.repeat(users, lists.shape[1]), np.maximum(lists, 0).ravel()).reshape(lists.shape)
    hits &= lists >= 0
    found = {}
    for k in cutoffs:
        counts = hits[:, :k].sum(axis=1)
        found[str(k)] = {
            "users": len(users),
            "share": float((counts > 0).mean()),
            "mean": float(counts.mean()),
            "least": int(counts.min()),
            "most": int(counts.max()),
        }
    return found


def _watched(stream: Stream, n: int, left: Dataset) -> CSR:
    """What must not be known any more, of the users and items that are still there."""
    if stream.watched is None:  # of each user what the user had forgotten
        pairs = pairs_of(stream.requests[:n])
        users, items = (places(side, ids) for side, ids in zip(_sides(pairs), (left.user_ids, left.item_ids)))
        there = (users >= 0) & (items >= 0)
        return CSR.from_pairs(users[there], items[there], left.n_users, left.n_items)
    items = places(stream.watched, left.item_ids)
    items = items[items >= 0]
    if withdrawn := sorted({user for user, _ in pairs_of(stream.requests[:n])}):
        users = places(withdrawn, left.user_ids)
    else:  # everybody but the users who are to go, some of whom are still there
        leaving = places([row[0] for _, rows in stream.requests for row in rows], left.user_ids)
        users = np.setdiff1d(np.arange(left.n_users), leaving)
    users = users[users >= 0]
    everyone = np.repeat(users, len(items)), np.tile(items, len(users))
    return CSR.from_pairs(*everyone, left.n_users, left.n_items)


def _sides(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [user for user, _ in pairs], [item for _, item in pairs]


def _by_group(result: Result, left: Dataset, active: float) -> dict[str, dict[str, float]]:
    counts = left.target_train.row_lengths
    most = np.argsort(-counts, kind="stable")[: max(1, round(active * left.n_users))]
    is_active = np.isin(result.users, most)
    groups = {ACTIVE: is_active, OTHERS: ~is_active}
    found: dict[str, dict[str, float]] = {ALL: dict(result.means)}
    for name, own in groups.items():
        if own.any():
            found[name] = {metric: float(values[own].mean()) for metric, values in _plain(result).items()}
    return found


def _plain(result: Result) -> dict[str, Any]:
    """The metrics that are means over users."""
    return {name: values for name, values in result.per_user.items() if isinstance(values, np.ndarray)}
