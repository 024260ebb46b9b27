"""Takes up a run that can forget, or says why it is not one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.store import sha256_file
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import Run
from recsys_cli.unlearning.generation import open_model
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.unit import shard_epochs

NOT_EXACT = "not_exact.json"  # the ledger of an approximate method, in a folder of its own


class Unlearnable(NamedTuple):
    """config: the root node of the run."""

    run: Run
    config: DictConfig
    generations: Generations


def method_of(config) -> str:
    """The unlearning method of a run; "none" for runs from before there were any. config: its root node."""
    return config.get("unlearning", {}).get("name", "none")


def open_unlearnable(path: str) -> Unlearnable:
    refuse_not_exact(Path(path).expanduser())
    run, config = Run.open(path)
    check_unlearnable(run, config)
    found = Unlearnable(run, config, Generations(run.path))
    found.generations.refuse_strange()
    return found


def refuse_not_exact(folder: Path) -> None:
    """Raises UserError for what an approximate method has made: no check may call it whole."""
    if (folder / NOT_EXACT).exists():
        raise UserError(
            f"{folder} was made by a method that is NOT exact ({NOT_EXACT} says which): nothing can show that rows are gone "
            "from such a model, and nothing here says so."
        )


def check_unlearnable(run: Run, config: DictConfig) -> None:
    """Raises UserError for a run that cannot forget."""
    if method_of(config) == "none":
        raise UserError(
            f"{run.path} was trained with unlearning=none, and nothing can be taken "
            "out of such a model: train it with recsys train unlearning=receraser "
            f"model={config.model.name} data={config.data.name}."
        )


def open_current(run: Run, config: DictConfig, data_overrides) -> tuple:
    """Data, model and epoch of the current state, for `recsys evaluate` and `recsys recommend`."""
    if named := sorted(set(data_overrides or {}) - {"raw_dir", "cache_dir"}):
        raise UserError(
            f"{run.path} keeps its own copy of the data, from which rows may have been "
            f"forgotten: leave out {', '.join('data.' + name for name in named)}."
        )
    generations = Generations(run.path)
    generations.refuse_strange()
    refuse_other_config(run.path, generations.current)
    rows, model = open_model(generations.current, config)
    return rows.dataset, model, shard_epochs(config)


def refuse_other_config(run: Path, generation: Path) -> None:
    """The config decides how everything was made; with another one the next ledger would vouch for what was not so."""
    ledger = read_ledger(generation)
    expected = ledger.get("files", {}).get(CONFIG)
    if sha256_file(run / CONFIG) != expected:
        raise UserError(
            f"{run / CONFIG} is not the one whose SHA-256 the ledger names, so the run was not trained by it. Nothing "
            "is done: put back the config that was written."
        )
