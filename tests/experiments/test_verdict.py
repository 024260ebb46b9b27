"""How a number stands to the published one, and which differences are more than chance."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.evaluation.summary import save_per_user
from recsys_cli.experiments.budget import Budget, seconds_of
from recsys_cli.experiments.cells import cells_of
from recsys_cli.experiments.measured import Measured
from recsys_cli.experiments.published import Number, read_published
from recsys_cli.experiments.settings import ExperimentSettings
from recsys_cli.experiments.significance import comparisons
from recsys_cli.experiments.spec import Experiment, Row, Source
from recsys_cli.experiments.verdict import judged

RATIO = Number(0.1, "ratio", "")


@pytest.mark.parametrize(
    ("metric", "ours", "number", "word"),
    [
        ("HR@10", 0.103, RATIO, "within 3 %"),
        ("HR@10", 0.0969, RATIO, "short"),
        ("HR@10", 0.104, RATIO, "better"),
        ("MAE", 0.104, RATIO, "short"),
        ("MAE", 0.09, RATIO, "better"),
        ("users", 6040, Number(6040, "count", ""), "equal"),
        ("users", 6040, Number(6940, "count", ""), "differs"),
        ("density", 4.4684, Number(4.47, "percent", ""), "equal"),
        ("time_per_epoch", 0.1, Number(9, "s", ""), "not comparable"),
        ("HR@10", 0.1, None, ""),
    ],
)
def test_a_number_beside_the_published_one(metric, ours, number, word):
    assert judged(metric, ours, number, []).word == word


def test_what_differs_in_what_it_measures_is_not_compared():
    found = judged("HR@10", 0.2, RATIO, ["other data"])
    assert (found.word, found.why) == ("not comparable", "other data") and found.difference == pytest.approx(100)


def tables(tmp_path, gain: float):
    """A row of the paper's own and two others, 200 users, 3 seeds; the own one is better by `gain` than the best."""
    random = np.random.default_rng(0)
    rows = (Row("a", "bpr"), Row("b", "gmf"), Row("own", "enmf", own=True))
    experiment = Experiment("table", ExperimentSettings(name="t", title="t"), (Source("d", "d", "D"),), rows, None)
    runs = {}
    for row, level in zip(rows, (0.3, 0.4, 0.4 + gain)):
        for seed in range(3):
            users = random.normal(level, 0.1, 200)
            file = tmp_path / f"{row.label}{seed}.npz"
            save_per_user(file, np.array([f"u{n}" for n in range(200)]), {"HR@10": users})
            run = Measured(SimpleNamespace(seed=seed), tmp_path, {"HR@10": float(users.mean())}, {}, file)
            runs.setdefault(("d", row.label), []).append(run)
    return experiment, runs


@pytest.mark.parametrize(("gain", "found"), [(0.1, True), (0.0, False)])
def test_the_papers_own_row_is_tested_against_the_best_of_the_others(tmp_path, gain, found):
    experiment, runs = tables(tmp_path, gain)
    cells = cells_of(experiment, experiment.sources, runs, ["HR@10"])
    assert [cell.row.label for cell in cells if cell.best] == ["b"]
    (comparison,) = comparisons(cells, runs)
    assert (comparison.row, comparison.against, comparison.users, comparison.seeds) == ("own", "b", 200, 3)
    assert (comparison.p_users < 0.01) == found and (comparison.p_seeds < 0.05) == found
    runs["d", "own"][0].per_user.unlink()
    (without,) = comparisons(cells, runs)
    assert without.p_users is None and without.p_seeds == comparison.p_seeds


def test_a_budget_takes_what_fits_when_its_turn_comes():
    clock = iter([0.0, 10.0, 10.0, 70.0, 70.0, 95.0, 95.0, 101.0, 101.0])
    jobs = [SimpleNamespace(seconds=seconds) for seconds in (60, 60, None, 5)]
    budget = Budget(seconds_of("100s"), lambda: next(clock))
    assert [job.seconds for job in budget.fitting(jobs)] == [60, None] and budget.left_out == 2
    assert [seconds_of(text) for text in ("1.5h", "2d", None)] == [5400, 172800, None]
    assert not Budget(None).over


def test_a_published_number_is_found_by_its_part_of_the_table():
    numbers = read_published("table_6_3")
    found = [
        numbers.find("Movielens-1m", "RecEraser", "Recall@10", groups) for groups in (["", "WMF"], ["BPR"], ["no"])
    ]
    assert [number and number.row for number in found] == ["WMF RecEraser", "BPR RecEraser", None]
    assert numbers.find(None, "RecEraser", "Recall@10") is None
    with pytest.raises(UserError, match="no published numbers table_0_0"):
        read_published("table_0_0")
