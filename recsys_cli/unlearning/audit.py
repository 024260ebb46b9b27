"""Membership test: can the model's scores tell forgotten pairs from pairs that were never there?

AUC of the score of a forgotten pair against those of items that its user never had, drawn by popularity among
the remaining rows, so that a model which knows popularity alone is at 0.5. A model that generalises well is above 0.5
also for pairs it never saw; therefore all is measured against the model that the same algorithm, with the same shards
and seeds, makes of the remaining rows from scratch ("retrained"), which never saw the pairs.

- power: before - retrained. Whether the test sees at all that a model knew the pairs.
- failure: after - retrained. Whether the model after forgetting still tells them from others.

Pairs of one user share its vector, and pairs of one item likewise: they are not independent. Intervals resample whole
users, or whole items where there are fewer of these. The test can find a failure; it cannot prove exactness, which
comes from the bytes (`verify`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.ranking import union
from recsys_cli.evaluation.summary import Interval
from recsys_cli.models.base import Scorer
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.restrict import matrices, places

MAX_PAIRS, CONTROLS, RESAMPLES, CHUNK, BLOCK = 10_000, 20, 2000, 200, 512
FEWEST = 5  # users (or items) whose scatter says anything
POWER, FAILURE = "before - retrained", "after - retrained"


class Subject(NamedTuple):
    """A model and the ids it goes by. users, items: ids of the old data set by the model's own ids."""

    scorer: Scorer
    users: np.ndarray
    items: np.ndarray


class Found(NamedTuple):
    """auc: of every subject, and of "before" and "after" less "retrained". clusters: how many users (or items) were
    resampled, and what they are."""

    auc: dict[str, Interval]
    n_pairs: int
    n_clusters: int
    clusters: str


def audit(old: Dataset, popularity: np.ndarray, keys: np.ndarray, subjects: Mapping[str, Subject], seed: int) -> Found:
    """popularity: pairs of each item in the remaining data, [old.n_items]. subjects: before, after, retrained.
    keys: the forgotten pairs of the target behaviour (user * n_items + item in `old`), see `askable`."""
    random = generator(seed, "unlearning/audit")
    chosen = np.sort(random.permutation(keys)[:MAX_PAIRS])
    users, items = chosen // old.n_items, chosen % old.n_items
    controls = never_seen(old, popularity, users, CONTROLS, random)
    values = {name: _per_pair(subject, old, users, items, controls) for name, subject in subjects.items()}
    values |= {f"{name} - retrained": values[name] - values["retrained"] for name in ("before", "after")}
    clusters, owners = min(("users", users), ("items", items), key=lambda side: len(np.unique(side[1])))
    return Found(cluster_intervals(values, owners, random), len(users), len(np.unique(owners)), clusters)


def askable(old: Dataset, left: Dataset, keys: np.ndarray) -> np.ndarray:
    """Of these pairs of `old`, those whose user and item are still in the data, and whose user lacks another item."""
    here = [np.isin(before, after) for before, after in ((old.user_ids, left.user_ids), (old.item_ids, left.item_ids))]
    users, items = keys // old.n_items, keys % old.n_items
    popularity = popularity_in(old, left)
    free = (popularity > 0).sum() - _seen(old, popularity > 0)[users]
    return keys[here[0][users] & here[1][items] & (free > 0)]


def popularity_in(old: Dataset, left: Dataset) -> np.ndarray:
    """int64 [old.n_items]: training pairs of each item of `old` in what remains of it."""
    counts = np.zeros(old.n_items, np.int64)
    counts[np.isin(old.item_ids, left.item_ids)] = left.target_train.col_counts
    return counts


def never_seen(old: Dataset, popularity: np.ndarray, users, number: int, random: np.random.Generator) -> np.ndarray:
    """So many items that each user never had, by popularity, [users, number]. Every user must lack one that somebody has."""
    seen = union(matrices(old), old.n_users, old.n_items)
    cumulative = np.cumsum(popularity / popularity.sum())
    owners = np.repeat(users, number)
    controls, left = np.empty(len(owners), np.int64), np.arange(len(owners))
    while len(left):
        controls[left] = np.minimum(
            np.searchsorted(cumulative, random.random(len(left)), side="right"), old.n_items - 1
        )
        left = left[seen.contains(owners[left], controls[left]) | (popularity[controls[left]] == 0)]
    return controls.reshape(-1, number)


def verdict(found: Found | None) -> str:
    """Begins with FAILED where the test finds that the model still knows the pairs."""
    if found is None:
        return "nothing to test: the users or items of the forgotten pairs are no longer in the model"
    power, failure = found.auc[POWER], found.auc[FAILURE]
    if found.n_clusters < FEWEST:
        return f"no power: the pairs are of {found.n_clusters} {found.clusters} only, {FEWEST} are the fewest that tell"
    if failure.low > 0:
        return f"FAILED: the model after forgetting still knows the pairs ({FAILURE} {_shown(failure)} is above 0)"
    if power.low <= 0:
        return (
            f"no power: the test does not see even that the model before knew the pairs ({POWER} {_shown(power)} "
            f"is not above 0), so that it says nothing of the model after ({FAILURE} {_shown(failure)})"
        )
    return (
        f"passed: the test sees that the model before knew the pairs ({POWER} {_shown(power)}), and does not see it "
        f"of the model after ({FAILURE} {_shown(failure)})"
    )


def cluster_intervals(
    values: Mapping[str, np.ndarray], owners: np.ndarray, random: np.random.Generator
) -> dict[str, Interval]:
    """Means of values [pairs] with 95 % bootstrap intervals that resample whole owners (ids [pairs]).

    The standard error is that of the resampled means, taken with Student's t for this number of owners: percentiles of
    the resampled means are too narrow for few of them (Cameron, Gelbach & Miller, Review of Economics and Statistics
    90, 2008). With fewer than FEWEST owners the interval is [-1, 1], which says nothing.
    """
    _, place, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(place, column) for column in values.values()], axis=1)
    n, means = len(sizes), sums.sum(axis=0) / sizes.sum()
    if n < FEWEST:
        return {name: Interval(float(mean), -1.0, 1.0) for name, mean in zip(values, means)}
    drawn = []
    for _ in range(0, RESAMPLES, CHUNK):
        times = random.multinomial(n, np.full(n, 1 / n), CHUNK)
        drawn.append(times @ sums / (times @ sizes)[:, None])
    reach = _t(n - 1) * math.sqrt(n / (n - 1)) * np.concatenate(drawn).std(axis=0)
    return {name: Interval(float(m), float(m - r), float(m + r)) for name, m, r in zip(values, means, reach)}


def _t(freedom: int) -> float:
    """The 97.5 % point of Student's t for 4 or more degrees of freedom, to 1 % (Abramowitz & Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(0.975)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _shown(interval: Interval) -> str:
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _seen(old: Dataset, among: np.ndarray) -> np.ndarray:
    """int64 [users]: how many of these items each user has, in any behaviour and split."""
    seen = union(matrices(old), old.n_users, old.n_items)
    return np.bincount(seen.rows[among[seen.indices]], minlength=old.n_users)


def _per_pair(subject: Subject, old: Dataset, users, items, controls) -> np.ndarray:
    """float64 [pairs]: the share of its controls that a forgotten pair is scored above; ties count half."""
    user_of, item_of = places(subject.users, old.n_users), places(subject.items, old.n_items)
    found = []
    for start in range(0, len(users), BLOCK):
        block = slice(start, start + BLOCK)
        scores = np.asarray(subject.scorer(tf.constant(user_of[users[block]])))
        own = np.take_along_axis(scores, item_of[items[block]][:, None], axis=1)
        others = np.take_along_axis(scores, item_of[controls[block]], axis=1)
        found.append(((own > others) + 0.5 * (own == others)).mean(axis=1))
    return np.concatenate(found)
