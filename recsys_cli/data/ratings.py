"""Ratings as values: what a model of ratings learns from, refused in a sentence where there is nothing to learn."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset


class Ratings:
    """The ratings of the training part.

    pairs: users x items, with values. low, high: the scale, declared (data.rating_scale) or found in train. mean: of all.
    """

    def __init__(self, dataset: Dataset):
        """Raises UserError where the target has no ratings, some without one, only equal ones, or those of one user."""
        pairs = dataset.target_train
        values = values_of(pairs, dataset, "train")
        self.pairs, self.values = pairs, values
        found = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
        if found[0] == found[1]:
            raise UserError(
                f"data={dataset.name}: every rating in train is {found[0]:g}, so there is nothing to predict. Take data with "
                "ratings that differ, or a model of choices, such as enmf."
            )
        if (known := np.count_nonzero(pairs.row_lengths)) < 2:
            raise UserError(
                f"data={dataset.name}: {known} user has ratings in train, and two at least are needed to learn from others."
            )
        self.low, self.high = dataset.rating_scale or found
        self.mean = float(values.mean(dtype=np.float64))

    @cached_property
    def user_means(self) -> np.ndarray:
        """float64 [n_users]; the mean of all where a user has no rating."""
        return self._means(self.pairs.rows, self.pairs.row_lengths)

    @cached_property
    def item_means(self) -> np.ndarray:
        """float64 [n_items]; the mean of all where an item has no rating."""
        return self._means(self.pairs.indices, self.pairs.col_counts)

    def _means(self, ids: np.ndarray, counts: np.ndarray) -> np.ndarray:
        sums = np.bincount(ids, self.values, len(counts))
        return np.where(counts > 0, sums / np.maximum(counts, 1), self.mean)


def values_of(pairs: CSR, dataset: Dataset, part: str) -> np.ndarray:
    """float32 [nnz]. Raises UserError where there are none, or not for every pair."""
    if pairs.values is None:
        raise UserError(
            f"data={dataset.name} has no ratings in {part}: name their column, data.columns={{rating: <name>}}, or take a "
            "data set of ratings, such as ml-100k."
        )
    missing = int(np.count_nonzero(~np.isfinite(pairs.values)))
    if missing:
        raise UserError(
            f"data={dataset.name}: {missing:,} of {pairs.nnz:,} pairs in {part} have no rating: leave their lines out."
        )
    return np.asarray(pairs.values)
