"""model.pretrained: the vectors of another run as a start. A run is data: arrays by name and shape, and nothing else."""

from __future__ import annotations

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Model, TrainableModel
from recsys_cli.runs.directory import Run
from recsys_cli.runs.identity import DATA_HASH
from recsys_cli.training.checkpoint import load_newest
from recsys_cli.training.taking_up import has_checkpoint, made_with


def start_from(path: str | None, model: Model, dataset: Dataset) -> None:
    """Assigns what `model.from_pretrained` names from the parameters that the run at `path` is scored by.

    The run is of the same content (users, items, split), so that every row belongs to the same id and nothing held out
    was seen. Raises UserError where it is of other data or has no such vectors.
    """
    if path is None:
        return
    assert isinstance(model, TrainableModel) and model.from_pretrained
    run, config = Run.read(path)
    kind = "epoch" if config.evaluation.select == "last" or not has_checkpoint(run, "best") else "best"
    checkpoint, _ = load_newest(run.checkpoints, kind)
    then = made_with(checkpoint).get(DATA_HASH, run.record.get(DATA_HASH))
    if then != dataset.content_hash:
        raise UserError(
            f"model.pretrained={path} was trained on other data (data={config.data.name}, content {str(then)[:16]}; here "
            f"{dataset.content_hash[:16]}): its rows are of other users and items, or it has seen what is held out here. "
            f"Train it anew with the data settings of this run."
        )
    state = model.state()
    for name in model.from_pretrained:
        found, wanted = checkpoint.arrays.get(name), state[name]
        if found is None or found.shape != tuple(wanted.shape) or found.dtype != np.float32:
            shown = "no such vectors" if found is None else f"{found.dtype} {list(found.shape)}"
            raise UserError(
                f"model.pretrained={path}: model={model.name} starts from {name} {list(wanted.shape)}, and that run of "
                f"model={config.model.name} has {shown}. Give a run of a model whose vectors are called so, with the same "
                "embedding_size."
            )
    for name in model.from_pretrained:
        state[name].assign(checkpoint.arrays[name])
    print(
        f"starts from {', '.join(model.from_pretrained)} of {path} ({checkpoint.path.name}, model={config.model.name})"
    )
