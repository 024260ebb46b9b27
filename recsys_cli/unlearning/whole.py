"""A single shard that is the model itself, of all users and items: nothing to aggregate, and no shard to go by.

Where counts alone decide the model, rows are taken out of it; otherwise it is trained again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.store import sha256_file
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Model
from recsys_cli.models.counts import Change, CountedModel
from recsys_cli.training.build import build_model
from recsys_cli.training.checkpoint import load, restore
from recsys_cli.unlearning.restrict import shard_of, without_held_out
from recsys_cli.unlearning.unit import VECTORS, write_result

if TYPE_CHECKING:
    from recsys_cli.unlearning.generation import Rows


def is_whole(config) -> bool:
    """config: the root node of the run."""
    return config.unlearning.aggregation == "none"


def part_of(config, rows: Rows, k: int) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """What shard k is trained on, and its users and items as ids of the whole data set."""
    if not is_whole(config):
        return shard_of(*rows, k)
    return without_held_out(rows.dataset), np.arange(rows.dataset.n_users), np.arange(rows.dataset.n_items)


def whole_model(folder: Path, config, dataset: Dataset) -> Model:
    """That of a shard in this folder."""
    model = build_model(config.model, without_held_out(dataset), config.seed)
    found, state = load(folder / VECTORS), model.state()
    restore(found._replace(arrays={name: array for name, array in found.arrays.items() if name in state}), state)
    return model


def lose_rows(
    source: Path, folder: Path, config, before: Dataset, left: Dataset, inputs: Mapping[str, Any], sha256: str
) -> bool:
    """Makes the model into `folder` from that of the state before, of whose rows some are gone, to the bytes that training
    gives.

    sha256: of the model before, by the ledger. False where it has to be trained: it is no function of counts, so much
    has changed that training is as quick, or it is not what the ledger names.
    """
    model = build_model(config.model, without_held_out(left), config.seed)
    if not isinstance(model, CountedModel) or sha256_file(source / VECTORS) != sha256:
        return False
    arrays = load(source / VECTORS).arrays
    began = time.perf_counter()
    kept = model.lose(arrays, change_of(before, left), config.unlearning.counts_mb)
    if kept is None:
        return False
    state = {name: variable.numpy() for name, variable in model.state().items()}
    write_result(folder, inputs, state | kept, time.perf_counter() - began)
    return True


def change_of(before: Dataset, left: Dataset) -> Change:
    """What went from the pairs of the target behaviour. left: a part of `before`."""
    rows, columns = (
        np.flatnonzero(np.isin(was, now))
        for was, now in ((before.user_ids, left.user_ids), (before.item_ids, left.item_ids))
    )
    return Change.between(before.target_train, left.target_train, rows, columns)
