"""A state of an unlearnable run: its rows, its shards, their aggregation, its result and its ledger.

    rows/               own copy of the data, and the shard of every row
    shards/K/           vectors of a sub-model
    aggregation/        parameters of the aggregation, where it has any
    test.json, test_per_user.npz, ledger.json

What is there already, from the right inputs, is not done again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.store import Damaged, sha256_file
from recsys_cli.config.library import library
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.data.load import load_prepared
from recsys_cli.evaluation.protocol import Result
from recsys_cli.models.base import Model
from recsys_cli.runs.results import save_result
from recsys_cli.training.build import build_model
from recsys_cli.training.checkpoint import load, restore, save
from recsys_cli.training.selection import score
from recsys_cli.unlearning.aggregation import build_aggregation
from recsys_cli.unlearning.data_copy import digest, write_copy
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.restrict import all_pairs
from recsys_cli.unlearning.tables import stack
from recsys_cli.unlearning.unit import (
    VECTORS,
    claim,
    derived_seed,
    is_done,
    settings_hash,
    shard_epochs,
    solution_of,
    take_over,
    train_into,
    training_seconds,
    vectors_of,
)
from recsys_cli.unlearning.whole import is_whole, lose_rows, part_of, whole_model

ROWS, SHARDS, AGGREGATION, PARAMETERS = "rows", "shards", "aggregation", "parameters.npz"


class Rows(NamedTuple):
    """All data of a state, and the shard of each of its training pairs (int16, in the order of `pairs`)."""

    dataset: Dataset
    pairs: CSR
    assignment: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, assignment: np.ndarray) -> Rows:
        return cls(dataset, all_pairs(dataset), np.asarray(assignment, np.int16))

    @classmethod
    def read(cls, generation: Path) -> Rows:
        """Raises UserError where a byte has changed."""
        try:
            dataset = load_prepared(generation / ROWS / "data")
        except Damaged as error:  # there is no second copy of it to prepare again from
            raise UserError(
                f"{error.what} It is the run's own copy of the data: put the file back "
                "from a backup of the run, or train a new run."
            ) from None
        return cls.of(dataset, load(generation / ROWS / "assignment.npz").arrays["shard"])

    def inputs(self) -> dict[str, str]:
        """What stands beside the copy."""
        return {"data": digest(self.dataset), "assignment": hashlib.sha256(self.assignment.tobytes()).hexdigest()}

    def write(self, generation: Path) -> None:
        folder = generation / ROWS
        claim(folder, self.inputs())
        save(folder / "assignment.npz", {"shard": self.assignment}, {})
        write_copy(folder / "data", self.dataset)


class Built(NamedTuple):
    """What `build` did. trained: shards. seconds: of training the shards, of the aggregation."""

    trained: list[int]
    shard_seconds: float
    aggregation_seconds: float
    model: Model
    result: Result
    table: str


def build(
    path: Path,
    config,
    rows: Rows,
    parent: Path | None,
    train_shards: Callable,
    say=print,
    before: Rows | None = None,
) -> Built:
    """Completes the folder of a state, but for its ledger. config: the root node of the run.

    parent: the state before, whose shards are taken over where their inputs are the same, and before: its rows, where
    a model may lose some of them. train_shards: trains the shards of these numbers (`pool.train_shards`).
    """
    rows.write(path)
    missing, ledger = [], read_ledger(parent) if parent else {}
    for k in range(config.unlearning.shards):
        inputs, folder = shard_inputs(config, rows, k), path / SHARDS / str(k)
        if is_done(folder, inputs):
            continue
        if parent and is_done(parent / SHARDS / str(k), inputs):
            check_unchanged(parent, ledger, k)
            take_over(parent / SHARDS / str(k), folder)
        else:
            missing.append(k)
    began = time.perf_counter()
    if missing and parent and before and is_whole(config):
        source, folder, inputs = parent / SHARDS / "0", path / SHARDS / "0", shard_inputs(config, rows, 0)
        if lose_rows(source, folder, config, before.dataset, rows.dataset, inputs, ledger["shards"][0]["vectors"]):
            missing = []
    train_shards(path, config, rows, missing, say)
    between = time.perf_counter()
    model = _train_aggregation(path, config, rows)
    end = time.perf_counter()
    result = score(config.evaluation, model, rows.dataset, "test", config.seed)
    table = save_result(path, "test", result, rows.dataset.user_ids, config.evaluation, config.seed)
    return Built(missing, between - began, end - between, model, result, table)


def check_unchanged(generation: Path, ledger, k: int) -> None:
    """Raises UserError where the vectors of shard k are not those that its training gave: nobody knows what
    they have seen, and the ledger of the next state must not vouch for them."""
    file = generation / SHARDS / str(k) / VECTORS
    if not file.exists() or sha256_file(file) != ledger["shards"][k]["vectors"]:
        raise UserError(
            f"refused, nothing changed: {file} is to be kept, but it is not the file whose SHA-256 the "
            "ledger names; put that back, or train every shard again with repartition=true."
        )


def shard_config(config, k: int):
    """The root node by which shard k is trained."""
    config = deepcopy(config)
    config.seed = _shard_seed(config, k)
    config.trainer.epochs = shard_epochs(config)
    return config


def _shard_seed(config, k: int) -> int:
    return config.seed if is_whole(config) else derived_seed(config.seed, "shard", k)


def shard_inputs(config, rows: Rows, k: int) -> dict[str, str | int]:
    """All that the vectors of a shard depend on; config: the root node of the run."""
    return {
        "rows": digest(part_of(config, rows, k)[0]),
        "seed": _shard_seed(config, k),
        "settings": settings_hash(config, epochs=shard_epochs(config), tables=config.unlearning.aggregation_tables),
    }


def train_shard(path: Path, config, rows: Rows, k: int) -> str:
    """Into the folder of shard k; returns a line about it."""
    dataset, users, items = part_of(config, rows, k)
    config, inputs = shard_config(config, k), shard_inputs(config, rows, k)
    model = build_model(config.model, dataset, config.seed)
    folder, own = path / SHARDS / str(k), config.unlearning
    if is_whole(config):
        train_into(folder, config, model, inputs, lambda model: solution_of(model, own.counts_mb))
        return f"the model: {training_seconds(folder):.1f} s of training"
    train_into(folder, config, model, inputs, lambda model: vectors_of(model, own.aggregation_tables))
    return (
        f"shard {k}: {dataset.target_train.nnz:,} pairs, {len(users):,} users, {len(items):,} items, "
        f"{training_seconds(folder):.1f} s of training"
    )


def aggregated(path: Path, config, rows: Rows) -> Model:
    """The aggregation over the vectors of all shards, with its initial parameters."""
    sides: dict[str, list[np.ndarray]] = {"users": [], "items": []}
    ids: dict[str, list[np.ndarray]] = {"users": [], "items": []}
    for k in range(config.unlearning.shards):
        arrays = load(path / SHARDS / str(k) / VECTORS).arrays
        _, ids_of_users, ids_of_items = part_of(config, rows, k)
        for side, own in (("users", ids_of_users), ("items", ids_of_items)):
            sides[side].append(arrays[side])
            ids[side].append(own)
    tables = [
        stack(n, ids[side], sides[side])
        for side, n in (("users", rows.dataset.n_users), ("items", rows.dataset.n_items))
    ]
    seed = derived_seed(config.seed, "aggregation")
    return build_aggregation(config.unlearning, rows.dataset, seed, *tables)


def open_model(path: Path, config) -> tuple[Rows, Model]:
    """The rows and the model of a complete state."""
    rows = Rows.read(path)
    if is_whole(config):
        return rows, whole_model(path / SHARDS / "0", config, rows.dataset)
    model = aggregated(path, config, rows)
    if model.state():
        restore(load(path / AGGREGATION / PARAMETERS), model.state())
    return rows, model


def aggregation_config(config, target: str):
    """The root node by which the aggregation is trained. target: the only behaviour it learns from."""
    own, config = config.unlearning, deepcopy(config)
    config.seed, config.trainer.epochs = derived_seed(config.seed, "aggregation"), own.aggregation_epochs
    weight = config.loss.get("negative_weight")
    if OmegaConf.is_dict(weight):
        weight = config.loss.negative_weight = weight[target]
    if own.aggregation_loss == "non_sampling":
        if own.aggregation_negative_weight is not None:
            weight = own.aggregation_negative_weight
        loss = library().group_values("loss", "non_sampling") | ({} if weight is None else {"negative_weight": weight})
        optimizer = library().group_values("optimizer", "adam") | {"learning_rate": own.aggregation_learning_rate}
        config.loss, config.optimizer = OmegaConf.create(loss), OmegaConf.create(optimizer)
        config.trainer.batch_size = own.aggregation_batch_size
    return config


def aggregation_inputs(path: Path, config, rows: Rows) -> dict[str, Any]:
    """All that the parameters of the aggregation depend on. config: the root node of the run."""
    config = aggregation_config(config, rows.dataset.target)
    settings = {key: value for key, value in config.unlearning.items() if key != "processes"}
    return {
        "seed": config.seed,
        "settings": settings_hash(config, **settings),
        "data": digest(rows.dataset),
        "shards": [sha256_file(path / SHARDS / str(k) / VECTORS) for k in range(config.unlearning.shards)],
    }


def _train_aggregation(path: Path, config, rows: Rows) -> Model:
    if is_whole(config):
        return whole_model(path / SHARDS / "0", config, rows.dataset)
    model, folder = aggregated(path, config, rows), path / AGGREGATION
    if not model.state():
        return model
    inputs = aggregation_inputs(path, config, rows)
    config = aggregation_config(config, rows.dataset.target)
    if is_done(folder, inputs, PARAMETERS):
        restore(load(folder / PARAMETERS), model.state())
    else:
        train_into(
            folder, config, model, inputs, lambda model: {n: v.numpy() for n, v in model.state().items()}, PARAMETERS
        )
    return model
