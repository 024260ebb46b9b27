"""People whom a run has never seen, given what they chose: their items from a file or a mapping, and a scorer for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.files import read_file
from data_prep.ids import Texts, numbered, places
from data_prep.tables import read_events_table
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import Factors, Model, Scorer
from recsys_cli.models.item_to_item import ItemToItemModel
from recsys_cli.use.fold_in import fold_in, weights_of


class NewUsers(NamedTuple):
    """names: raw ids [n]. items: users x items, [n, n_items]; notes: sentences about who and what was left out."""

    names: np.ndarray
    items: CSR
    notes: list[str]


def of_file(path: str, dataset: Dataset) -> NewUsers:
    """A table with columns user and item (CSV, TSV or Parquet), one line for each item that somebody has.

    Raises UserError for a file that is none, and where nobody has an item of the run.
    """
    where = f"new_users={path}"
    try:
        content = read_file(Path(path).expanduser())
    except OSError as error:
        raise UserError(f"{where}: {error.strerror}. Give a table with the columns user and item.") from None
    columns = read_events_table(content, str(path)).columns
    if "behaviour" in columns:
        raise UserError(
            f"{where} has a column of behaviours: give the rows of the target ({dataset.target}) alone, without that column."
        )
    return _new_users(columns["user"], columns["item"], dataset, where)


def of_mapping(items: Mapping[int | str, Sequence[int | str]], dataset: Dataset) -> NewUsers:
    """items: raw item ids by the name of their user."""
    users = np.array([str(user) for user, own in items.items() for _ in own], object)
    chosen = np.array([str(item) for own in items.values() for item in own], object)
    return _new_users(_texts(users), _texts(chosen), dataset, "the given items")


def _texts(values: np.ndarray) -> Texts:
    distinct, codes = np.unique(values.astype(str), return_inverse=True)
    return Texts(codes.astype(np.int32), distinct.astype(object))


def _new_users(users: Texts | np.ndarray, items: Texts | np.ndarray, dataset: Dataset, where: str) -> NewUsers:
    (rows,), names = numbered([users])
    cols = places(items, dataset.item_ids)
    known = cols >= 0
    pairs = CSR.from_pairs(rows[known], cols[known], len(names), dataset.n_items)
    with_items = np.flatnonzero(pairs.row_lengths)
    if not len(with_items):
        raise UserError(
            f"{where}: nobody has an item of the run; ids are those of the raw data, letter by letter, e.g. "
            f"{dataset.item_ids[0]}."
        )
    notes = []
    if not known.all():
        unknown = Texts.of(items)
        distinct = sorted({unknown[row] for row in np.flatnonzero(~known).tolist()})
        notes.append(
            f"{len(distinct):,} items are not in the training data and left out, in {np.count_nonzero(~known):,} of "
            f"{len(known):,} rows, such as {', '.join(map(repr, distinct[:3]))}"
        )
    if len(with_items) < len(names):
        without = names[pairs.row_lengths == 0]
        notes.append(f"{len(without):,} users have no other items and get no list, such as {str(without[0])!r}")
    if n := np.count_nonzero(places(names, dataset.user_ids) >= 0):
        notes.append(f"{n:,} of these ids are users of the run as well: their lists come from the given items alone")
    rows, cols = np.searchsorted(with_items, pairs.rows), pairs.indices
    return NewUsers(names[with_items], CSR.from_pairs(rows, cols, len(with_items), dataset.n_items), notes)


def scorer_for(new: NewUsers, scorer: Scorer, model: Model, config: Any) -> Scorer:
    """scorer: of the model. config: the root node of the run.

    Raises UserError for a model that says nothing of people it was not trained on.
    """
    if isinstance(scorer, Factors):
        items = scorer.items.numpy()
        vectors = fold_in(items, new.items, weights_of(config, model, items))
        return Factors(tf.constant(vectors), scorer.items)
    if isinstance(model, ItemToItemModel):
        return model.scorer_of(new.items)
    raise UserError(
        f"model={model.name} says nothing of people it was not trained on: that takes a model with vectors of users and "
        "items, such as enmf, wmf_als, bpr or lightgcn, or with weights between items (ease, item_knn, rp3beta)."
    )
