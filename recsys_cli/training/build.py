"""From a config to objects: model, learner, and the number of epochs it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.losses import build_phases
from recsys_cli.models.auxiliary_first import AuxiliaryFirst
from recsys_cli.models.base import FactoredModel, Model, SolvedModel
from recsys_cli.training.fit import Learner
from recsys_cli.training.learner import Exchange, GradientLearner, SolverLearner
from recsys_cli.training.model_class import model_class
from recsys_cli.training.optimizers import build_optimizer


def build_model(config, dataset: Dataset, seed: int) -> Model:
    """config: a node of configs/model; its `_target_` names the class (model_class.py)."""
    cls = model_class(config._target_)
    then = config.get("then") if issubclass(cls, AuxiliaryFirst) else None
    if then is None:
        return cls(settings_of(cls, config), dataset, seed)
    from recsys_cli.training.trained_model import model_of_run  # which builds a model in its turn

    config.then = str(Path(then).expanduser().absolute())  # the run is opened again wherever this one is
    model = cls(settings_of(cls, config), dataset, seed)
    model.order_by(model_of_run(config.then, dataset, "model.then"))
    return model


def settings_of(cls: type[Model], config) -> Any:
    """A node of configs/model as the settings that the class declares, or as it is where it declares none."""
    own = getattr(cls, "Settings", None)
    return config if own is None else own.from_config(config, "model")


def build_learner(config, model: Model, exchange: Exchange | None = None) -> Learner:
    """config: the root node (loss, optimizer, trainer, seed). exchange: as of GradientLearner."""
    if isinstance(model, SolvedModel):
        return SolverLearner(model)
    if config.loss.scope == "whole_data" and not isinstance(model, FactoredModel):
        raise UserError(
            f"loss={config.loss.name} needs user and item vectors, which model={model.name} does not give; "
            "use a sampled loss: bpr, bce or softmax."
        )
    phases = build_phases(config.loss, model, config.trainer.batch_size, config.seed)
    if not phases:
        raise UserError(
            f"model={model.name} is trained by a loss, and loss={config.loss.name} is none: choose another."
        )
    return GradientLearner(model, phases, build_optimizer(config.optimizer), config.seed, exchange)


def epochs_of(model: Model, config) -> int:
    """Models in closed form need one pass, whatever trainer.epochs says."""
    passes = model.passes if isinstance(model, SolvedModel) else None
    return config.trainer.epochs if passes is None else passes
