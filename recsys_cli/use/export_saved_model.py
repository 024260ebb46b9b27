"""A SavedModel that recommends: it takes user ids as they are written, and needs TensorFlow and nothing of this program."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.blocks import MIN_ROWS
from recsys_cli.models.base import Factors, Model, Scorer
from recsys_cli.models.item_to_item import ItemToItemModel
from recsys_cli.ops.sparse import CPU, Product

NOBODY = ""  # no id is empty: a place that stays free


class Recommender(tf.Module):
    """The function `recommend`; what it looks up lies in variables and, ids, in text files beside the graph."""

    def __init__(self, model: Model, scorer: Scorer, dataset: Dataset, folder: Path, history: bool):
        """folder: for the lists of ids, until all is saved. history: keep what users have in training."""
        super().__init__(name="recommender")
        self.n_items = dataset.n_items
        self._users, self._items = (
            _table(folder / f"{name}.txt", ids)
            for name, ids in (("users", dataset.user_ids), ("items", dataset.item_ids))
        )
        with tf.device(CPU):
            self._names = tf.Variable(_texts(dataset.item_ids), name="item_ids", trainable=False)
        train = (
            dataset.target_train if history else CSR(np.zeros(dataset.n_users + 1, np.int64), np.zeros(0, np.int32), 1)
        )
        self._indptr = tf.Variable(train.indptr, name="seen_indptr", trainable=False)
        self._indices = tf.Variable(train.indices, name="seen_items", trainable=False)
        self._parameters: list[tf.Variable] = []
        self._score = self._scorer(model, scorer, train)

    def _scorer(self, model: Model, scorer: Scorer, train: CSR) -> Scorer:
        """By operations that can be loaded again: TensorFlow's own sparse matrices cannot, where they go into a branch."""
        if isinstance(scorer, Factors):
            self._parameters += [tf.Variable(scorer.users, name="users"), tf.Variable(scorer.items, name="items")]
            return lambda rows: Factors(*map(tf.convert_to_tensor, self._parameters))(rows)
        if not isinstance(model, ItemToItemModel):
            self._parameters += model.variables
            return scorer
        weights = model.item_weights()
        if isinstance(weights, CSR):
            return Product(replace(train, values=None), weights, memory_mb=0)
        self._parameters.append(tf.Variable(weights, name="weights"))
        return self._sums

    def _sums(self, rows: tf.Tensor) -> tf.Tensor:
        owners, chosen = self._seen(rows)
        cells = tf.stack([owners, tf.cast(chosen, tf.int64)], axis=1)
        shape = tf.cast([tf.size(rows), self.n_items], tf.int64)
        history = tf.SparseTensor(cells, tf.ones_like(chosen, tf.float32), shape)
        return tf.sparse.sparse_dense_matmul(history, self._parameters[0])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "users"),
            tf.TensorSpec([], tf.int32, "k"),
            tf.TensorSpec([None, None], tf.string, "exclude"),
            tf.TensorSpec([], tf.bool, "exclude_seen"),
        ]
    )
    def recommend(self, users, k, exclude, exclude_seen):
        """users: string [b]. k: how many items. exclude: string [b, m], items to leave out, filled up with "" (m may be
        0). exclude_seen: leave out what they have in training.

        items: string [b, k], the best first, "" where there is none left, and everywhere for who is not known. scores:
        float32 [b, k], -inf there. known: bool [b].
        """
        rows = self._users.lookup(users)
        known = rows >= 0
        rows, n = tf.cast(tf.maximum(rows, 0), tf.int32), tf.size(users)
        filled = tf.pad(rows, [[0, tf.maximum(MIN_ROWS - n, 0)]])  # the bits of blocks.py: from 16 rows on
        scores = self._score(filled)[:n]
        owners, chosen = self._seen(rows)
        owners, chosen = (tf.cast(x[: tf.where(exclude_seen, tf.size(x), 0)], tf.int64) for x in (owners, chosen))
        named = self._items.lookup(exclude)
        places = tf.where(named >= 0)
        cells = tf.concat([tf.stack([owners, chosen], 1), tf.stack([places[:, 0], tf.gather_nd(named, places)], 1)], 0)
        scores = tf.tensor_scatter_nd_update(scores, cells, tf.fill([tf.shape(cells)[0]], -np.inf))
        scores = tf.where(known[:, None], scores, -np.inf)
        best, items = tf.math.top_k(scores, k)
        with tf.device(CPU):
            names = tf.where(tf.math.is_inf(best), NOBODY, tf.gather(self._names, items))
        return {"items": names, "scores": best, "known": known}

    def _seen(self, rows):
        found = tf.ragged.range(tf.gather(self._indptr, rows), tf.gather(self._indptr, rows + 1))
        return found.value_rowids(), tf.gather(self._indices, found.values)


def write_saved_model(path: Path, model: Model, scorer: Scorer, dataset: Dataset, history: bool) -> None:
    """Into a folder that is there and empty. Raises UserError for what a graph cannot hold."""
    if not (history or isinstance(scorer, Factors)):
        raise UserError(
            f"history=false: model={model.name} scores by what users have in training, and cannot do without."
        )
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{path.name}.ids.") as folder:
        recommender = Recommender(model, scorer, dataset, Path(folder), history)
        try:
            tf.saved_model.save(recommender, str(path), signatures={"serving_default": recommender.recommend})
            tf.saved_model.load(str(path))  # not all that can be saved can be loaded
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f"model={model.name} cannot be saved as a SavedModel: {str(error).splitlines()[0][:200]}"
            ) from None


def _table(path: Path, ids: np.ndarray) -> tf.lookup.StaticHashTable:
    """Ids to their places, -1 for others, by a file with one a line: ids have no line breaks."""
    path.write_text("".join(f"{one}\n" for one in ids.tolist()), encoding="utf-8", newline="\n")
    lines = tf.lookup.TextFileInitializer(
        str(path), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    return tf.lookup.StaticHashTable(lines, -1)


def _texts(ids: np.ndarray) -> np.ndarray:
    return np.array([str(one).encode() for one in ids.tolist()], object)
