"""The vectors behind the scores of a run: score = user vector . item vector, all that a search by vectors needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Factors, Model, Scorer


class Vectors(NamedTuple):
    """user_ids [n_users] and item_ids [n_items]: raw ids. users: float32 [n_users, d]; items: float32 [n_items, d].

    users @ items.T are the scores: propagated, the prediction vector h folded into the users, biases as columns.
    """

    user_ids: np.ndarray
    users: np.ndarray
    item_ids: np.ndarray
    items: np.ndarray


def vectors_of(scorer: Scorer, model: Model, dataset: Dataset) -> Vectors:
    """Raises UserError for a model whose scores are no products of two vectors."""
    if not isinstance(scorer, Factors):
        raise UserError(
            f"model={model.name} has no vectors of users and items whose products are its scores; "
            "scores(user) and recommend(...) work for every model."
        )
    return Vectors(dataset.user_ids, scorer.users.numpy(), dataset.item_ids, scorer.items.numpy())
