"""The data after requests: what all ways of forgetting are scored on, and what approximate ones go on with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Factors, Scorer
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.matching import Selection, select
from recsys_cli.unlearning.restrict import among, restricted, without_orphans


def remaining(dataset: Dataset, requests: Sequence[Content]) -> Dataset:
    """As a run that can forget has it: users and items that are left without any pair leave the ids as well."""
    gone = select(requests, dataset)
    users = np.setdiff1d(np.arange(dataset.n_users), gone.users)
    items = np.setdiff1d(np.arange(dataset.n_items), gone.items)
    return without_orphans(restricted(dataset, users, items, _kept(gone)), dataset)


def emptied(dataset: Dataset, requests: Sequence[Content]) -> Dataset:
    """The same rows are gone, and every user and item keeps its number."""
    gone = select(requests, dataset)
    return restricted(dataset, np.arange(dataset.n_users), np.arange(dataset.n_items), lambda m: ~gone.of(m))


def seen_by(scorer: Scorer, before: Dataset, left: Dataset) -> Scorer:
    """A scorer by the ids of `before` as one by those of `left`, a part of it."""
    users, items = (
        tf.constant(np.flatnonzero(np.isin(old, new)), tf.int32)
        for old, new in ((before.user_ids, left.user_ids), (before.item_ids, left.item_ids))
    )
    if isinstance(scorer, Factors):
        return Factors(tf.gather(scorer.users, users), tf.gather(scorer.items, items))
    return lambda ids: tf.gather(scorer(tf.gather(users, ids)), items, axis=1)


def _kept(gone: Selection):
    return lambda matrix: ~among(matrix.keys, gone.keys)
