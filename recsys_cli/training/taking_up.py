"""Takes up a run from its checkpoints: the newest one that is whole, of this run, with the data it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.dataset import check_data, dataset_of
from recsys_cli.runs.directory import Run
from recsys_cli.runs.identity import CONFIG_HASH, DATA_HASH, config_hash, identity, otherwise
from recsys_cli.training.checkpoint import Checkpoint, load_newest


def newest_checkpoint(run: Run, kind: str = "epoch") -> Checkpoint:
    """Says which newer ones are damaged."""
    checkpoint, skipped = load_newest(run.checkpoints, kind)
    for line in skipped:
        print(f"warning: {line}; going on with {checkpoint.path.name}")
    return checkpoint


def has_checkpoint(run: Run, kind: str = "epoch") -> bool:
    """Otherwise the run was stopped before its first save, or keeps none of this kind."""
    return any(run.checkpoints.glob(f"{kind}-*.npz"))


def made_with(checkpoint: Checkpoint | None) -> dict[str, str]:
    """The identity in the header of a checkpoint; empty for those of older versions."""
    found = checkpoint.header.get("identity") if checkpoint else None
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def data_of(
    run: Run, config: DictConfig, checkpoint: Checkpoint | None, given: Mapping[str, Any] | None = None
) -> Dataset:
    """The data set of the run; another one only where data.name is given. Raises UserError for other data."""
    then = made_with(checkpoint)
    known = [value for value in (then.get(DATA_HASH), run.record.get(DATA_HASH)) if isinstance(value, str)]
    dataset = dataset_of(config, known[0] if known else None, given)
    if "name" not in (given or {}):
        for before in known:
            check_data(run.path, before, dataset.content_hash)
    return dataset


def refuse_other_config(run: Run, checkpoint: Checkpoint | None) -> None:
    """Raises UserError where the checkpoint was made by another config than the run now has."""
    if checkpoint is not None and other_config(run, checkpoint):
        raise UserError(
            f"{run.path / CONFIG} is not the config that {checkpoint.path} was trained with: the file was changed, or "
            "the checkpoint is of another run. Put back what was there, or train a new run."
        )


def other_config(run: Run, checkpoint: Checkpoint | None) -> bool:
    then = made_with(checkpoint).get(CONFIG_HASH)
    return then is not None and then != config_hash(run.settings)


def warn_otherwise(run: Run, checkpoint: Checkpoint | None, consequence: str) -> str:
    """Says in a sentence what is not as it was when the checkpoint was made; returns what, or ''."""
    then = made_with(checkpoint)
    found = otherwise(then, identity(run.settings, then.get(DATA_HASH, "")))
    if found:
        print(f"warning: {run.path} was trained with other {found}; {consequence}")
    return found
