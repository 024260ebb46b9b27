"""Metrics of one's own, by dotted name, and those that are good when they are low."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.config.named import name_code
from recsys_cli.evaluation.metrics import Pooled
from recsys_cli.evaluation.own import is_lower_better
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.evaluation.ratings import rating_metrics
from recsys_cli.evaluation.summary import intervals, load_per_user, save_per_user
from recsys_cli.training.fit import Evaluation
from tests.commands.conftest import TINY
from tests.evaluation.test_protocol import DATA, SCORES, table

OWN = '''
import numpy as np

def Novelty(evaluated, k):
    """Mean -log2 of the share of users who chose an item of the list."""
    counts = evaluated.dataset.target_train.col_counts
    bits = -np.log2(np.maximum(counts, 1) / evaluated.dataset.n_users)
    return np.where(evaluated.lists(k) >= 0, bits[evaluated.lists(k)], 0.0).mean(axis=1)

class MeanRank:
    lower_is_better = True
    def __call__(self, evaluated, k):
        return np.minimum(np.add.reduceat(evaluated.ranks.ranks, evaluated.ranks.indptr[:-1]), k)

def Short(evaluated, k):
    return np.zeros(1)

def Failing(evaluated, k):
    return {}["x"]
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_metrics.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("recsys_cli.config.named._named", set())
    return lambda *names: name_code(f"own_metrics.{name}" for name in names)


def test_a_metric_of_ones_own_sees_lists_and_ranks(own):
    own("Novelty", "MeanRank")
    found = evaluate(
        table(SCORES), DATA, "test", k=[2, 3], metrics=["HR", "own_metrics.Novelty", "own_metrics.MeanRank"]
    )
    names = [f"{name}@{k}" for name in ("HR", "Novelty", "MeanRank") for k in (2, 3)]
    assert list(found.per_user) == list(found.means) == names
    counts = DATA.target_train.col_counts
    scores = SCORES[found.users].astype(float)
    for matrix in (DATA.target_train, DATA.valid):
        inside = np.isin(matrix.rows, found.users)
        scores[np.searchsorted(found.users, matrix.rows[inside]), matrix.indices[inside]] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    expected = -np.log2(np.maximum(counts[best], 1) / DATA.n_users).mean(axis=1)
    np.testing.assert_allclose(found.per_user["Novelty@2"], expected)
    assert found.means["MeanRank@3"] == pytest.approx(found.per_user["MeanRank@3"].mean())


def test_what_nobody_named_is_not_imported(own):
    with pytest.raises(
        UserError, match=r"you did not, so it is not imported.*evaluation.metrics=\[NDCG,own_metrics.Short\]"
    ):
        evaluate(table(SCORES), DATA, "test", k=[2], metrics=["own_metrics.Short"])


@pytest.mark.parametrize(
    "name, message",
    [
        ("Short", r"for each of the 2 users, and gives an array of shape \(1,\)"),
        ("Shrot", "cannot be imported"),
        ("Failing", "failed for k=2: KeyError: 'x'"),
    ],
)
def test_what_is_no_metric_is_refused(own, name, message):
    own(name)
    with pytest.raises(UserError, match=message):
        evaluate(table(SCORES), DATA, "test", k=[2], metrics=[f"own_metrics.{name}"])
    sampled = replace(DATA, test_negatives=np.array([[3, 5, 4], [0, 1, 5]]))
    with pytest.raises(UserError, match="own need evaluation.protocol=full"):
        evaluate(table(SCORES), sampled, "test", k=[2], metrics=[f"own_metrics.{name}"], protocol="sampled")


def test_from_the_command_line_and_never_from_a_run_alone(own, recsys, tmp_path, monkeypatch):
    run = tmp_path / "run"
    words = ["evaluation.metrics=[own_metrics.MeanRank,NDCG]", "data.validation=leave_one_out", "trainer.eval_every=1"]
    chosen = ["evaluation.select=best_validation", "trainer.monitor=MeanRank@10", f"run_dir={run}"]
    assert recsys("train", *TINY, *words, *chosen).code == 0
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    lowest = min(lines, key=lambda line: line["MeanRank@10"])
    assert json.loads((run / "record.json").read_text())["epoch"] == lowest["epoch"]
    monkeypatch.setattr("recsys_cli.config.named._named", set())  # another process
    refused = recsys("evaluate", f"run={run}")
    assert refused.code != 0 and "you did not, so it is not imported" in refused.err
    assert recsys("train", f"resume={run}").code != 0
    assert recsys("train", f"resume={run}", words[0]).code == 0
    assert "can only be repeated" in recsys("train", f"resume={run}", "evaluation.metrics=[HR]").err
    again = recsys("evaluate", f"run={run}", words[0])
    assert again.code == 0 and "MeanRank" in again.out


def test_directions(own):
    own("MeanRank", "Novelty")
    metrics = ["NDCG", "own_metrics.MeanRank", "own_metrics.Novelty"]
    lower = [is_lower_better(m, metrics) for m in ("NDCG@10", "sampled-HR@5", "AUC", "RMSE", "MeanRank@3", "Novelty@3")]
    assert lower == [False, False, False, True, True, False]
    errors, gains = (Evaluation(dict, "m", True, lower) for lower in (True, False))
    assert (
        errors.better(1.0, 2.0)
        and not errors.better(2.0, 1.0)
        and gains.better(2.0, 1.0)
        and not gains.better(1.0, 2.0)
    )
    assert errors.better(5.0, -np.inf) and gains.better(-5.0, -np.inf) and not errors.better(np.nan, -np.inf)
    assert not errors.better(1.0, 1.0) and not gains.better(1.0, 1.0)


def test_errors_of_ratings_are_pooled_over_pairs(tmp_path):
    rng = np.random.default_rng(0)
    users = rng.integers(0, 40, 500) * 2
    truth, predicted = rng.integers(1, 6, 500), rng.normal(3, 1, 500)
    known, found = rating_metrics(users, truth, predicted)
    np.testing.assert_array_equal(known, np.unique(users))
    out = intervals({**found, "HR": np.arange(40.0)}, 300, seed=1)
    assert out["RMSE"].mean == pytest.approx(np.sqrt(np.mean((truth - predicted) ** 2)))
    assert out["MAE"].mean == pytest.approx(np.mean(np.abs(truth - predicted)))
    assert out["HR"].mean == 19.5 and out["RMSE"].low < out["RMSE"].mean < out["RMSE"].high
    one = users == known[3]
    assert found["RMSE"].values[3] == pytest.approx(np.sqrt(np.mean((truth - predicted)[one] ** 2)))
    save_per_user(tmp_path / "r.npz", known, found)
    np.testing.assert_array_equal(load_per_user(tmp_path / "r.npz")[1]["MAE"], found["MAE"].values)


def test_a_pooled_metric_resamples_users_with_all_their_pairs():
    """Against the definition: the pairs of every drawn user, joined."""
    from recsys_cli.ops.streams import generator

    users, errors = np.array([0, 0, 0, 1, 2, 2]), np.array([1.0, 2.0, 3.0, 10.0, 0.0, 4.0])
    _, found = rating_metrics(users, errors, np.zeros(6))
    random, drawn = generator(7, "bootstrap"), []
    for _ in range(50):
        pairs = np.concatenate([errors[users == u] for u in random.integers(0, 3, 3)])
        drawn.append(np.sqrt(np.mean(pairs**2)))
    out = intervals({"RMSE": found["RMSE"]}, 50, seed=7)["RMSE"]
    np.testing.assert_allclose([out.low, out.high], np.quantile(drawn, [0.025, 0.975]))
    assert isinstance(found["RMSE"], Pooled)
