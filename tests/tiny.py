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
