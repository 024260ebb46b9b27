"""Membership test: can the model's scores tell forgotten pairs from pairs that were never there?

AUC of the score of a forgotten pair against those of items that its user never had, drawn by popularity among
the remaining rows, so that a model which knows popularity alone is at 0.5. A model that generalises well is
above 0.5 also for pairs it never saw, and shards generalise otherwise than one model of all rows: whether the test
sees anything at all (its power) is the difference between the run before and after, which are of one make. The model
trained on the remaining rows alone is shown beside them. The test can find a failure; it cannot prove exactness, which
comes from the bytes (`verify`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.ranking import union
from recsys_cli.evaluation.summary import Interval, intervals
from recsys_cli.models.base import Scorer
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.restrict import places

MAX_PAIRS, CONTROLS, RESAMPLES, BLOCK = 10_000, 20, 1000, 512


class Subject(NamedTuple):
    """A model and the ids it goes by. users, items: ids of the old data set by the model's own ids."""

    scorer: Scorer
    users: np.ndarray
    items: np.ndarray


def audit(old: Dataset, keys: np.ndarray, subjects: Mapping[str, Subject], seed: int) -> dict[str, Interval]:
    """AUC of every subject, and of "before" less each other: less "after" is the power of the test.

    keys: the forgotten pairs of the target behaviour (user * n_items + item in `old`). Pairs whose user or
    item some subject no longer knows are left out; without any, the result is empty.
    """
    random = generator(seed, "unlearning/audit")
    known_users, known_items = np.ones(old.n_users, bool), np.ones(old.n_items, bool)
    for subject in subjects.values():
        known_users &= places(subject.users, old.n_users) >= 0
        known_items &= places(subject.items, old.n_items) >= 0
    users, items = keys // old.n_items, keys % old.n_items
    there = np.flatnonzero(known_users[users] & known_items[items])
    chosen = np.sort(random.permutation(there)[:MAX_PAIRS])
    users, items, controls = _with_controls(old, users[chosen], items[chosen], known_items, random)
    if not len(users):
        return {}
    values = {name: _per_pair(subject, old, users, items, controls) for name, subject in subjects.items()}
    values |= {f"before - {name}": values["before"] - values[name] for name in subjects if name != "before"}
    return intervals(values, RESAMPLES, seed, "unlearning/audit")


def verdict(found: Mapping[str, Interval]) -> str:
    if not found:
        return "the forgotten users or items are no longer in the model: there is nothing to test"
    if found["before - after"].low <= 0:
        return (
            "the test has no power here: it sees no difference between the model that knew the pairs and the one "
            "after forgetting them"
        )
    return "the test has power: it tells the model that knew the pairs from the one after forgetting them"


def _with_controls(old: Dataset, users, items, allowed: np.ndarray, random):
    """Never-seen items of each user, [pairs, CONTROLS]; users without any are left out."""
    seen = union([m for m in (*old.train.values(), old.valid, old.test) if m is not None], old.n_users, old.n_items)
    weight = np.where(allowed, old.target_train.col_counts, 0).astype(float)
    cumulative = np.cumsum(weight / weight.sum())
    free = allowed & (weight > 0)
    have = free.sum() - np.bincount(seen.rows[free[seen.indices]], minlength=old.n_users)[users]
    users, items = users[have > 0], items[have > 0]
    owners = np.repeat(users, CONTROLS)
    controls, left = np.empty(len(owners), np.int64), np.arange(len(owners))
    while len(left):
        controls[left] = np.minimum(
            np.searchsorted(cumulative, random.random(len(left)), side="right"), old.n_items - 1
        )
        left = left[seen.contains(owners[left], controls[left]) | ~free[controls[left]]]
    return users, items, controls.reshape(-1, CONTROLS)


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
