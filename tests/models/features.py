"""Fields of all kinds: several values of one, numbers, and entities of which little or nothing is known."""

from __future__ import annotations

import numpy as np

from data_prep.features import Features, Field, gather
from recsys_cli.data.dataset import Dataset
from tests.losses.toys import M, N, dataset


def fields_of(n: int, seed: int) -> Features:
    """Each has the field kind, most a size (a number), some several tags; of the last one nothing is known."""
    rng = np.random.default_rng(seed)
    everyone = np.arange(n - 1)
    sized, tagged = everyone[1::2], np.repeat(everyone[::3], 3)
    return gather(
        [
            Field("kind", everyone, rng.integers(4, size=len(everyone)), 4),
            Field("size", sized, np.zeros(len(sized), int), 1, rng.normal(50, 9, len(sized)).astype(np.float32)),
            Field("tags", tagged, rng.integers(5, size=len(tagged)), 5),
        ],
        n,
    )


def featured() -> Dataset:
    """The toy data set with fields of users and items."""
    return dataset(user_features=fields_of(M, 1), item_features=fields_of(N, 2))


def values_of(features: Features) -> np.ndarray:
    """[entities, n_values]: the number of each value, 0 where an entity does not have it."""
    table = np.zeros((features.n_entities, features.n_values))
    rows = np.repeat(np.arange(features.n_entities), np.diff(features.indptr))
    table[rows, features.indices] = 1 if features.values is None else features.values
    return table
