"""Small data for tests of every folder."""

from __future__ import annotations

import numpy as np

from recsys_cli.data.dataset import CSR, Dataset

# A run of seconds; a test adds the number of items and of epochs, and sizes of its model.
RUN = [
    "data=synthetic",
    "data.users=60",
    "trainer.batch_size=16",
    "trainer.eval_every=2",
    "trainer.checkpoint_every=1",
    "trainer.progress=false",
    "tensorboard=false",
    "evaluation.bootstrap=20",
    "evaluation.k=[5,10]",
]


def csr(mask: np.ndarray) -> CSR:
    """The pairs where `mask`, rows x columns, is not 0."""
    return CSR.from_pairs(*np.nonzero(mask), *mask.shape)


def dataset(**behaviours: np.ndarray) -> Dataset:
    """A mask, users x items, by behaviour; buy is the target."""
    return Dataset("tiny", *behaviours["buy"].shape, "buy", {name: csr(mask) for name, mask in behaviours.items()})


def likeness_of_friends(raw, n_users: int, n_items: int) -> float:
    """How many times as many bought items two friends have in common as any two users; friends are mutual."""
    friends = set(zip(raw.friends.users.tolist(), raw.friends.items.tolist(), strict=True))
    assert {(b, a) for a, b in friends} == friends and all(a != b for a, b in friends)
    bought = np.zeros((n_users, n_items))
    bought[raw.train["buy"].users, raw.train["buy"].items] = 1
    overlap = bought @ bought.T
    return overlap[raw.friends.users, raw.friends.items].mean() / overlap[~np.eye(n_users, dtype=bool)].mean()
