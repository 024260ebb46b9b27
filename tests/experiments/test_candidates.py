"""Metrics of lists among several sets of candidates in one table of ratings."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.experiments.cells import plain_name
from recsys_cli.experiments.planner import _refuse_uncomputed
from recsys_cli.experiments.results import _by_candidates
from recsys_cli.experiments.spec import read


def test_a_table_for_each_set_of_candidates():
    metrics = read("table", "hem_aae.4", library("")).settings.metrics
    tables = _by_candidates(metrics)
    assert [names[0] for names in tables] == ["not_liked-Precision@3", "Precision@3", "test-Precision@3"]
    assert {tuple(map(plain_name, names)) for names in tables} == {tuple(tables[1])}


@pytest.mark.parametrize("metric", ["liked-NDCG@3", "test-NDCG@4", "test-HR@3"])
def test_what_no_run_has_is_refused(metric):
    experiment = read("table", "hem_aae.4", library(""))
    config = compose("train", ["model=rating_means", "data=ml-100k", *experiment.settings.words], library(""))
    _refuse_uncomputed(experiment, experiment.rows[0], config)
    asked = experiment._replace(settings=type(experiment.settings)(**vars(experiment.settings) | {"metrics": [metric]}))
    with pytest.raises(UserError, match=f"{metric}.* is not among evaluation"):
        _refuse_uncomputed(asked, experiment.rows[0], config)
