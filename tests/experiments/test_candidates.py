"""Metrics of lists among several sets of candidates in one table of ratings."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.experiments.cells import among, cells_of
from recsys_cli.experiments.measured import Measured
from recsys_cli.experiments.planner import _refuse_uncomputed
from recsys_cli.experiments.published import read_published
from recsys_cli.experiments.results import _by_candidates
from recsys_cli.experiments.spec import read


def test_a_table_for_each_set_of_candidates():
    metrics = read("table", "hem_aae.4", library("")).settings.metrics
    tables = _by_candidates(metrics)
    assert [names[0] for names in tables] == ["not_liked-Precision@3", "Precision@3", "test-Precision@3"]
    assert {tuple(among(name)[1] for name in names) for names in tables} == {tuple(tables[1])}


def test_published_numbers_are_compared_with_the_first_of_them_alone():
    experiment = read("table", "hem_aae.4", library(""))
    metrics, source = experiment.settings.metrics, experiment.sources[0]
    run = Measured(None, None, dict.fromkeys(metrics, 0.3), {}, None)
    cells = cells_of(experiment, [source], {(source.id, "PMF"): [run]}, metrics, read_published("hem_aae_table_4"))
    words = {cell.metric: cell.verdict.word for cell in cells if cell.ours}
    assert words["not_liked-Precision@5"] == "within 3 %" and words["not_liked-Precision@10"] == "better"
    assert words["Precision@5"] == words["test-Precision@5"] == "not comparable"
    assert {cell.published.value for cell in cells if cell.ours and cell.metric.endswith("Precision@5")} == {0.3013}


@pytest.mark.parametrize("metric", ["liked-NDCG@3", "test-NDCG@4", "test-HR@3"])
def test_what_no_run_has_is_refused(metric):
    experiment = read("table", "hem_aae.4", library(""))
    config = compose("train", ["model=rating_means", "data=ml-100k", *experiment.settings.words], library(""))
    _refuse_uncomputed(experiment, experiment.rows[0], config)
    asked = experiment._replace(settings=type(experiment.settings)(**vars(experiment.settings) | {"metrics": [metric]}))
    with pytest.raises(UserError, match=f"{metric}.* is not among evaluation"):
        _refuse_uncomputed(asked, experiment.rows[0], config)
