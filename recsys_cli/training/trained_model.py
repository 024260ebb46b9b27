"""A model with the parameters of a checkpoint; that of another run, for a model that goes on where its own knowledge ends."""

from __future__ import annotations

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Model
from recsys_cli.runs.directory import Run
from recsys_cli.training.build import build_model
from recsys_cli.training.checkpoint import Checkpoint, restore
from recsys_cli.training.taking_up import data_of, newest_checkpoint


def restored(config, dataset: Dataset, checkpoint: Checkpoint) -> Model:
    """config: the root node of the run. Slots of the optimiser are of no use here."""
    model = build_model(config.model, dataset, config.seed)
    state = model.state()
    restore(checkpoint._replace(arrays={n: a for n, a in checkpoint.arrays.items() if n in state}), state)
    return model


def model_of_run(path: str, dataset: Dataset, key: str) -> Model:
    """key: the setting that names the run, for messages.

    Raises UserError for a run of other users or items, and for one that was trained on what is held out here.
    """
    run, config = Run.read(path)
    if config.get("unlearning", {}).get("name", "none") != "none":
        raise UserError(f"{key}={path} is a run that can forget: take one with unlearning=none.")
    if config.model.get("then"):
        raise UserError(f"{key}={path} goes on with another run itself: name that one, {config.model.then}.")
    checkpoint = newest_checkpoint(run, "epoch" if config.evaluation.select == "last" else "best")
    its = data_of(run, config, checkpoint)
    for what in ("user_ids", "item_ids"):
        if not np.array_equal(getattr(its, what), getattr(dataset, what)):
            raise UserError(
                f"{key}={path} was trained on data={its.name}, whose {what.replace('_ids', 's')} are others than those of "
                f"data={dataset.name}: take a run on the same data set."
            )
    for split, held_out in (("test", dataset.test), ("validation", dataset.valid)):
        if held_out is not None and its.target_train.contains(held_out.rows, held_out.indices).any():
            raise UserError(
                f"{key}={path} was trained on {split} pairs of this run: take one with the same data.split and "
                "data.validation."
            )
    return restored(config, its, checkpoint)
