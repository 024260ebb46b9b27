"""Spaces: forms, refusals, and one for every model."""

from __future__ import annotations

import math

import pytest

from data_prep.errors import UserError
from data_prep.settings import plain
from recsys_cli.config.compose import compose
from recsys_cli.config.library import flatten, library
from recsys_cli.sweeps.propose import most_trials, propose
from recsys_cli.sweeps.settings import SearchSettings
from recsys_cli.sweeps.space import combinations, read_space, size, words_of


def space(stated: dict, model: str = "enmf"):
    configs = library("")
    values = flatten(plain(compose("train", [f"model={model}"], configs, quick=True)))
    return read_space(flatten(stated), configs.fields("train", values), values)


@pytest.mark.parametrize("model", library("").choices("model"))
def test_every_model_has_a_space_or_a_reason(model):
    assert model in library("").choices("sweep"), f"write configs/sweep/{model}.yaml (docs/sweep.md)"
    settings = SearchSettings.from_config(library("").group_values("sweep", model), "sweep")
    assert bool(settings.space) != bool(settings.unsearched)
    for dimension in space(settings.space, model):
        assert dimension.distribution


def test_every_space_is_of_a_model():
    assert set(library("").choices("sweep")) <= set(library("").choices("model"))


def test_forms():
    found = space({"loss.negative_weight": ["log", 0.01, 1], "model.embedding_size": ["int", 2, 4], "seed": [1, 2]})
    assert [str(d) for d in found] == [
        "loss.negative_weight=[log,0.01,1.0]",
        "model.embedding_size=[int,2,4]",
        "seed=[1,2]",
    ]
    assert size(found) == math.inf and size(found[1:]) == 6 and len(combinations(found[1:])) == 6
    assert space({"seed": None}) == []


def test_values_that_are_lists_come_back_as_words():
    found = space({"model.layer_widths": [[8, 4], [16]], "optimizer.learning_rate": [1e-05, 0.1]}, "ncf")
    assert words_of(combinations(found)[0], found) == ["model.layer_widths=[8,4]", "optimizer.learning_rate=1e-05"]
    assert (
        len(compose("train", ["model=ncf", *words_of(combinations(found)[0], found)], library("")).model.layer_widths)
        == 2
    )


@pytest.mark.parametrize(
    "key, spec, part",
    [
        ("loss.negative_wight", [1], "Did you mean 'loss.negative_weight'"),
        ("model.dropout", [0.1, "much"], "received 'much'"),
        ("model.dropout", [0.1, 0.1], "different values"),
        ("model.dropout", [], "different values"),
        ("model.dropout", ["uniform", 0.5, 0.1], "is no range"),
        ("model.dropout", ["uniform", 0, 7], "model.dropout: expected"),
        ("loss.l2", ["log", 0, 1], "above 0"),
        ("model.embedding_size", ["int", 1.5, 3], "is no range"),
        ("model.kind", ["factored"], "no such setting"),
    ],
)
def test_what_cannot_be_searched_is_refused(key, spec, part):
    with pytest.raises(UserError) as error:
        space({key: spec})
    assert part in str(error.value) and key in str(error.value)


class Before:
    def __init__(self, params):
        self.params = params


@pytest.mark.parametrize("method", ["random", "tpe", "grid"])
def test_no_combination_comes_twice_and_the_seed_decides(method):
    optuna = pytest.importorskip("optuna")
    found = space({"model.dropout": [0.0, 0.1, 0.2], "seed": [1, 2]})
    search = SearchSettings(method=method, startup=2)
    assert most_trials(found, search, None) == 6 and most_trials(found, search, 4) == 4

    def all_of(seed):
        trials = []
        for number in range(6):
            params = propose(found, search, seed, trials, False)
            trials.append(
                optuna.trial.create_trial(
                    params=params, distributions={d.key: d.distribution for d in found}, value=float(number)
                )
            )
        return [tuple(t.params.values()) for t in trials]

    assert len(set(all_of(0))) == 6 and all_of(0) == all_of(0)
    assert method == "grid" or all_of(0) != all_of(1)
