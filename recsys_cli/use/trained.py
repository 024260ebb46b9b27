"""Takes up a trained run: its config, data and model with the parameters that its result was made with."""

from __future__ import annotations

from typing import NamedTuple

from omegaconf import DictConfig

from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Model
from recsys_cli.runs.config import CONFIG
from recsys_cli.runs.directory import Run
from recsys_cli.training.fit import Progress
from recsys_cli.training.taking_up import data_of, newest_checkpoint, other_config, warn_otherwise
from recsys_cli.training.trained_model import restored
from recsys_cli.unlearning.opening import method_of, open_current


class Trained(NamedTuple):
    """run: locked for readers as long as this object is there."""

    run: Run
    config: DictConfig
    dataset: Dataset
    model: Model
    epoch: int


def open_trained(path: str, data_overrides=None) -> Trained:
    """data_overrides: keys of configs/data to change; another data set must have the same users and items."""
    run, config = Run.read(path)
    if method_of(config) != "none":
        return Trained(run, config, *open_current(run, config, data_overrides))
    checkpoint = newest_checkpoint(run, "epoch" if config.evaluation.select == "last" else "best")
    progress = Progress.from_header(checkpoint.header)
    if other_config(run, checkpoint):
        print(f"warning: {run.path / CONFIG} is not the config that {checkpoint.path.name} was trained with")
    warn_otherwise(run, checkpoint, "the last digits of scores may differ")
    dataset = data_of(run, config, checkpoint, data_overrides)
    return Trained(run, config, dataset, restored(config, dataset, checkpoint), progress.epoch)
