"""Takes up a trained run: its config, data and model with the parameters that its result was made with."""

from __future__ import annotations

from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf

from recsys_cli.data.dataset import Dataset
from recsys_cli.data.load import get_dataset
from recsys_cli.models.base import Model
from recsys_cli.training.build import build_model
from recsys_cli.training.checkpoint import load_newest, restore
from recsys_cli.training.run import Run
from recsys_cli.unlearning.opening import method_of, open_current


class Trained(NamedTuple):
    run: Run
    config: DictConfig
    dataset: Dataset
    model: Model
    epoch: int


def open_trained(path: str, data_overrides=None) -> Trained:
    """data_overrides: keys of configs/data to change; another data set must have the same users and items."""
    run, config = Run.open(path)
    if method_of(config) != "none":
        return Trained(run, config, *open_current(run, config, data_overrides))
    dataset = get_dataset(config.data if data_overrides is None else OmegaConf.merge(config.data, data_overrides))
    if data_overrides is None or "name" not in data_overrides:
        run.check_data(dataset.content_hash)
    model = build_model(config.model, dataset, config.seed)
    kind = "epoch" if config.evaluation.select == "last" else "best"
    checkpoint, skipped = load_newest(run.checkpoints, kind)
    for line in skipped:
        print(f"warning: {line}; using {checkpoint.path.name}")
    state = model.state()
    # Optimiser slots are of no use here.
    restore(checkpoint._replace(arrays={n: a for n, a in checkpoint.arrays.items() if n in state}), state)
    return Trained(run, config, dataset, model, checkpoint.header["epoch"])
