"""A tiny data set of several behaviours."""

from __future__ import annotations

import numpy as np

from recsys_cli.data.dataset import CSR, Dataset

N_USERS, N_ITEMS = 13, 9
BEHAVIOURS = ("view", "cart", "buy")


def dataset(behaviours=BEHAVIOURS, target="buy") -> Dataset:
    rng = np.random.default_rng(0)
    observed = {b: np.nonzero(rng.random((N_USERS, N_ITEMS)) < 0.3) for b in behaviours}
    train = {b: CSR.from_pairs(*pairs, N_USERS, N_ITEMS) for b, pairs in observed.items()}
    return Dataset("tiny", N_USERS, N_ITEMS, target, train)
