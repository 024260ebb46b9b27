"""What a model has to be exported: vectors of users and items, or weights between items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import Factors, Model, Scorer
from recsys_cli.models.item_to_item import ItemToItemModel


class Vectors(NamedTuple):
    """user_ids [n_users] and item_ids [n_items]: raw ids. users: float32 [n_users, d]; items: float32 [n_items, d].

    users @ items.T are the scores: propagated, the prediction vector h folded into the users, biases as columns.
    """

    user_ids: np.ndarray
    users: np.ndarray
    item_ids: np.ndarray
    items: np.ndarray


class ItemWeights(NamedTuple):
    """item_ids [n]: raw ids. weights: W, n x n, sparse or dense float32: an item has the score of the sum of its column
    over the rows of the items that a user has."""

    item_ids: np.ndarray
    weights: CSR | np.ndarray

    def rows(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of these rows, what is not 0: row ids, column ids and weights, [n] each."""
        if not isinstance(self.weights, CSR):
            rows, cols = np.nonzero(self.weights[first:last])
            return rows + first, cols, self.weights[first:last][rows, cols]
        start, end = self.weights.indptr[first], self.weights.indptr[last]
        rows = np.repeat(np.arange(first, last), self.weights.row_lengths[first:last])
        assert self.weights.values is not None
        return rows, self.weights.indices[start:end], self.weights.values[start:end]


def vectors_of(scorer: Scorer, model: Model, dataset: Dataset) -> Vectors:
    """Raises UserError for a model whose scores are no products of two vectors."""
    if not isinstance(scorer, Factors):
        raise UserError(
            f"model={model.name} has no vectors of users and items whose products are its scores; "
            "scores(user) and recommend(...) work for every model."
        )
    return Vectors(dataset.user_ids, scorer.users.numpy(), dataset.item_ids, scorer.items.numpy())


def content_of(scorer: Scorer, model: Model, dataset: Dataset) -> Vectors | ItemWeights:
    """Raises UserError for a model that has neither."""
    if isinstance(model, ItemToItemModel):
        return ItemWeights(dataset.item_ids, model.item_weights())
    if isinstance(scorer, Factors):
        return vectors_of(scorer, model, dataset)
    raise UserError(
        f"model={model.name} has neither vectors whose products are its scores nor weights between items: "
        "format=saved_model exports what computes its scores, and recsys recommend writes lists."
    )
