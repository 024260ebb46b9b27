"""What a training will take of the memory, told before anything is allocated, and refused where it is not there."""

from __future__ import annotations

from typing import Any, NamedTuple

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.blocks import CELL_BYTES, IN_FLIGHT, MAX_ROWS
from recsys_cli.memory import free_memory
from recsys_cli.models.base import Model, Need

NUMBER = 4  # bytes of a float32 or an int32
SLOTS = {"sgd": 0, "adagrad": 1, "adam": 2}  # numbers that an optimiser keeps per parameter
RANKING = CELL_BYTES * IN_FLIGHT * MAX_ROWS  # bytes per item of the largest blocks in flight
LARGE = 2**20  # cases in a batch, more than helps anything
LARGEST_BATCH = 2**30  # steps are counted in int32


class Part(NamedTuple):
    """size: bytes. setting: the key to lower. otherwise: the one where no value of that would do."""

    what: str
    size: float
    setting: str
    otherwise: str = ""


def check_memory(config, model: type[Model], dataset: Dataset) -> str:
    """A line such as "about 0.2 GB of memory (21.3 GB are free)". config: the root node.

    Raises UserError with the numbers, what drives them and the setting to lower, where it does not fit.
    """
    if config.trainer.batch_size > LARGEST_BATCH:
        raise UserError(
            f"trainer.batch_size={config.trainer.batch_size}: at most {LARGEST_BATCH} fit into a step; a batch of all "
            f"{dataset.target_train.nnz:,} training pairs is as large as one can be here."
        )
    parts = memory_parts(config, model.memory(config.model, dataset), dataset)
    need, free = sum(part.size for part in parts), free_memory()
    if free is None:
        return f"about {_gigabytes(need)} of memory"
    if need > free:
        most = max(parts, key=lambda part: part.size)
        raise UserError(
            f"model={config.model.name} on data={dataset.name} needs about {_gigabytes(need)} of memory, and "
            f"{_gigabytes(free)} are free. Most of it, {_gigabytes(most.size)}, is for {most.what}: "
            + _way_out(config, most, need - free)
        )
    return f"about {_gigabytes(need)} of memory ({_gigabytes(free)} are free)"


def memory_parts(config, need: Need, dataset: Dataset) -> list[Part]:
    """Everything that lives at the same time, in bytes. config: the root node."""
    scope = config.loss.get("scope")
    at_once = 1
    # Ranking everybody takes the pairs apart and puts them together again; otherwise they stay on the disk until needed.
    numbers = 16 if config.evaluation.users is None else 6
    parts = [
        Part("the data set", numbers * NUMBER * sum(pairs.nnz for pairs in dataset.train.values()), "data"),
        Part("ranking", min(config.evaluation.memory_mb * 2**20, RANKING * dataset.n_items), "evaluation.memory_mb"),
        Part("the scores of a block of users", NUMBER * need.scoring, need.setting),
    ]
    unlearning: Any = config.get("unlearning") or {}
    if unlearning.get("name", "none") != "none":
        at_once = min(unlearning.processes, unlearning.shards)
        tables = 2 * NUMBER * need.width * (dataset.n_users + dataset.n_items)
        parts.append(Part("the vectors of all shards", tables * unlearning.shards, "unlearning.shards"))
    copies = 1 if scope == "none" else 2 + SLOTS.get(config.optimizer.name, max(SLOTS.values()))
    what = "parameters" if scope == "none" else "parameters, their gradient and the state of the optimiser"
    parts.append(Part(what, at_once * copies * NUMBER * need.parameters, need.setting))
    parts.append(Part("what a step keeps", at_once * NUMBER * need.step, need.setting))
    if scope == "whole_data":
        largest = max(dataset.n_users, dataset.n_items)
        batched = {"users": dataset.n_users, "items": dataset.n_items}
        share = min(1.0, config.trainer.batch_size / batched.get(config.loss.get("batch"), min(batched.values())))
        rows, epoch = share * (2 * need.pairs + largest), 6 * need.pairs
        parts.append(Part("the batches of an epoch", at_once * NUMBER * epoch, "data"))
    elif scope == "sampled":
        by_user = config.loss.get("sampling") == "users"  # batches of that size, whatever the data has
        listed = 2 + config.loss.negatives
        rows = listed * 4 * (config.trainer.batch_size if by_user else min(config.trainer.batch_size, need.pairs))
        epoch = 4 * listed * max(need.pairs, config.trainer.batch_size if by_user else 0)
        parts.append(Part("the batches of an epoch", at_once * NUMBER * epoch, "loss.negatives"))
    elif scope == "observed":
        rows = 2 * min(config.trainer.batch_size, need.pairs)
        parts.append(Part("the batches of an epoch", at_once * NUMBER * 6 * need.pairs, "data"))
    else:
        return parts
    return [*parts, Part("a batch", at_once * NUMBER * rows * need.width, "trainer.batch_size", need.setting)]


def _way_out(config, most: Part, excess: float) -> str:
    """What to change. excess: bytes that are not there. A batch grows with its size, so that what fits can be said."""
    setting = most.setting
    if most.otherwise:
        fits = int(config.trainer.batch_size * (1 - excess / most.size))
        if fits >= 1:
            return f"{setting}={config.trainer.batch_size} is too much, {fits} would fit."
        setting = setting if config.trainer.batch_size > LARGE else most.otherwise
    value = _value(config, setting)
    return f"choose another {setting}." if value is None else f"{setting}={value} is too much, take less."


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{max(1, size / 1e6):,.0f} MB"


def _value(config, key: str):
    from omegaconf import OmegaConf

    return OmegaConf.select(config, key) if "." in key else None
