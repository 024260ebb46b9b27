"""Settings read from the source are those of the imported class, and a model is made from its class alone."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.settings import TARGET, fields_of
from recsys_cli.config import schema
from recsys_cli.config.library import library
from recsys_cli.config.source import settings_class
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import FactoredModel, SolvedModel, TrainableModel
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.training.build import build_model
from recsys_cli.training.optimizers import OPTIMIZERS, build_optimizer

OURS = library("")
MODELS = {OURS.group_values("model", name)[TARGET] for name in OURS.choices("model")}
TARGETS = sorted(MODELS | {place for places in schema.PLACES.values() for place in places.values()})
KINDS = {"factored": FactoredModel, "closed_form": SolvedModel, "pairwise": TrainableModel}
KINDS |= {"rating": TrainableModel, "own_rating": TrainableModel}


def imported(target: str) -> type:
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name)


def described(cls: type) -> list[tuple]:
    return [(f.name, f.default, f.help, f.kind.valid, f.kind.choices, f.fixed) for f in fields_of(cls).values()]


def dataset() -> Dataset:
    return Dataset("tiny", 3, 4, "buy", {"buy": CSR.from_pairs(np.array([0, 1]), np.array([1, 2]), 3, 4)})


@pytest.mark.parametrize("target", TARGETS)
def test_the_source_says_what_an_import_gives(target):
    cls = imported(target)
    assert described(settings_class(target, OURS.sources)) == described(getattr(cls, "Settings", cls))


@pytest.mark.parametrize("name", OURS.choices("model"))
def test_the_kind_of_a_choice_is_that_of_its_class(name):
    values = OURS.group_values("model", name)
    assert issubclass(imported(values[TARGET]), KINDS[values["kind"]])
    assert values["kind"] in ("factored", "rating") or not issubclass(imported(values[TARGET]), FactoredModel)


def test_a_model_is_made_from_its_class_alone():
    model = MatrixFactorization(MatrixFactorization.Settings(embedding_size=8, item_bias=True), dataset(), seed=0)
    assert model.name == "matrix_factorization" and model.scorer().users.shape == (3, 9)
    node = {TARGET: "recsys_cli.models.factorization.MatrixFactorization", "embedding_size": 8, "item_bias": True}
    built = build_model(OmegaConf.create(node), dataset(), seed=0)
    assert all(np.array_equal(v, built.state()[n]) for n, v in model.state().items())
    with pytest.raises(UserError, match="unknown key 'model.embeding_size'. Did you mean 'embedding_size'?"):
        build_model(OmegaConf.create({**node, "embeding_size": 4}), dataset(), seed=0)
    with pytest.raises(UserError, match=r"model.embedding_size: expected an integer >= 1, received 0 \(int\)"):
        build_model(OmegaConf.create({**node, "embedding_size": 0}), dataset(), seed=0)


def test_every_optimiser_takes_its_settings():
    for name, cls in OPTIMIZERS.items():
        made = build_optimizer({"name": name, "learning_rate": 0.5})
        assert type(made) is cls and made.learning_rate == 0.5
    assert build_optimizer({"name": "adam", "lazy": True}).lazy and not build_optimizer({"name": "adam"}).lazy
    with pytest.raises(UserError, match="unknown key 'optimizer.lazzy'. Did you mean 'lazy'?"):
        build_optimizer({"name": "adam", "lazzy": True})
