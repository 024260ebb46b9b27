"""The pairs that are tested: those to be forgotten, and as many that never were, of the same users."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import places
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.audit import never_seen
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.restrict import among, matrices


class Canaries(NamedTuple):
    """keys: user * n_items + item by the ids of the run, ascending; asked: bool, which of them were to be forgotten, the
    others never were. everything: keys of all that was asked for and is of users and items of the run. present: how many
    of these are in its training data. gone: how many rows of the file are of users or items that the run does not have."""

    keys: np.ndarray
    asked: np.ndarray
    everything: np.ndarray
    present: int
    gone: int


def choose(dataset: Dataset, content: Content, most: int, seed: int) -> Canaries:
    """dataset: of the run. most: pairs to test. Raises UserError where nothing can be tested."""
    everything, gone = _asked_for(dataset, content)
    if not len(everything):
        raise UserError(
            "nothing to test: the users or items that the file names are no longer in the run, so that it has no score "
            "for them. recsys unlearn verify=true checks the bytes."
        )
    random = generator(seed, "audits/canaries")
    pairs = dataset.target_train
    rest = without(pairs, everything)
    chosen = np.sort(random.permutation(everything)[:most])
    whole = replace(dataset, train=dataset.train | {dataset.target: with_pairs(rest, everything)})
    chosen = chosen[_free(whole, rest.col_counts > 0)[chosen // dataset.n_items]]
    if not len(chosen):
        raise UserError("nothing to test: the users of these pairs have every item that there is.")
    users = np.repeat(chosen // dataset.n_items, 2)  # some are drawn twice, and count once
    items = never_seen(whole, rest.col_counts, users, 1, random)[:, 0]
    others = np.unique(users * dataset.n_items + items)
    others = np.sort(random.permutation(others)[: len(chosen)])
    keys = np.concatenate([chosen, others])
    order = np.argsort(keys)
    asked = np.arange(len(keys)) < len(chosen)
    return Canaries(keys[order], asked[order], everything, int(among(everything, pairs.keys).sum()), gone)


def without(pairs: CSR, keys: np.ndarray) -> CSR:
    """The matrix without the pairs of these keys (ascending)."""
    kept = ~among(pairs.keys, keys)
    return CSR.from_pairs(pairs.rows[kept], pairs.indices[kept], pairs.n_rows, pairs.n_cols)


def with_pairs(pairs: CSR, keys: np.ndarray) -> CSR:
    """The matrix with the pairs of these keys added."""
    found = np.union1d(pairs.keys, keys)
    return CSR.from_pairs(found // pairs.n_cols, found % pairs.n_cols, pairs.n_rows, pairs.n_cols)


def _asked_for(dataset: Dataset, content: Content) -> tuple[np.ndarray, int]:
    """Keys of the pairs, and rows of the file that name a user or item that is not there. Of whole users and items: what
    of them is still in the training data."""
    kind, rows = content
    if kind == "pairs":
        users = places([user for user, _ in rows], dataset.user_ids)
        items = places([item for _, item in rows], dataset.item_ids)
        there = (users >= 0) & (items >= 0)
        return np.unique(users[there] * dataset.n_items + items[there]), int((~there).sum())
    ids = places([row[0] for row in rows], dataset.user_ids if kind == "users" else dataset.item_ids)
    pairs = dataset.target_train
    own = np.isin(pairs.rows if kind == "users" else pairs.indices, ids[ids >= 0])
    return pairs.keys[own], int((ids < 0).sum())


def _free(dataset: Dataset, known: np.ndarray) -> np.ndarray:
    """bool [users]: whether there is a known item that the user never had. known: bool [items]."""
    counts = np.zeros(dataset.n_users, np.int64)
    seen = np.unique(np.concatenate([m.keys for m in matrices(dataset)]))
    np.add.at(counts, seen // dataset.n_items, known[seen % dataset.n_items])
    return counts < known.sum()
