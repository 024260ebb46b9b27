"""Takes up a run that can forget, or says why it is not one."""

from __future__ import annotations

from typing import NamedTuple

from omegaconf import DictConfig

from data_prep.errors import UserError
from recsys_cli.runs.directory import Run
from recsys_cli.unlearning.generation import open_model
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.unit import shard_epochs


class Unlearnable(NamedTuple):
    """config: the root node of the run."""

    run: Run
    config: DictConfig
    generations: Generations


def method_of(config) -> str:
    """The unlearning method of a run; "none" for runs from before there were any. config: its root node."""
    return config.get("unlearning", {}).get("name", "none")


def open_unlearnable(path: str) -> Unlearnable:
    run, config = Run.open(path)
    if method_of(config) == "none":
        raise UserError(
            f"{path} was trained with unlearning=none, and nothing can be taken "
            "out of such a model: train it with recsys train unlearning=receraser "
            f"model={config.model.name} data={config.data.name}."
        )
    found = Unlearnable(run, config, Generations(run.path))
    if found.generations.current is None:
        raise UserError(f"the training of {path} has not come to its end: recsys train resume={path}")
    return found


def open_current(run: Run, config: DictConfig, data_overrides) -> tuple:
    """Data, model and epoch of the current state, for `recsys evaluate` and `recsys recommend`."""
    if named := sorted(set(data_overrides or {}) - {"raw_dir", "cache_dir"}):
        raise UserError(
            f"{run.path} keeps its own copy of the data, from which rows may have been "
            f"forgotten: leave out {', '.join('data.' + name for name in named)}."
        )
    current = Generations(run.path).current
    if current is None:
        raise UserError(f"the training of {run.path} has not come to its end: recsys train resume={run.path}")
    rows, model = open_model(current, config)
    return rows.dataset, model, shard_epochs(config)
