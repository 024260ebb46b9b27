"""What is made first, and what the budget leaves for later."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

from recsys_cli.experiments.budget import Budget
from recsys_cli.experiments.plan import in_order
from recsys_cli.experiments.timings import STARTING, Estimate, Timings, lines_below


def job(name, seed, seconds=None, begun=None, found=None, kind="factored"):
    config = SimpleNamespace(model={"kind": kind})
    return SimpleNamespace(name=name, seed=seed, seconds=seconds, begun=begun, found=found, config=config)


JOBS = (
    job("begun", 0, 90.0, begun="run"),
    job("quick", 0, 2.0),
    job("long", 0, 500.0),
    job("solved, never seen", 0, kind="closed_form"),
    job("never seen", 0),
    job("second seed, begun", 1, 2.0, begun="run"),
)


def test_one_seed_of_every_row_comes_before_the_second_of_any():
    for given in permutations(JOBS):
        there = job("there", 0, found="run")
        assert [j.name for j in in_order([there, *given])] == [j.name for j in JOBS]


def test_a_run_that_does_not_fit_is_left_and_a_shorter_one_after_it_is_not():
    budget = Budget(100.0, clock=lambda: 0.0)
    assert [j.name for j in budget.fitting(JOBS)] == [j.name for j in JOBS if j.name != "long"]
    assert budget.left_out == 1


def test_how_long_a_run_takes_is_told_by_runs_and_else_by_tables(tmp_path):
    (tmp_path / "4.4.csv").write_text("data,row,s/epoch\nCiao,BPR,1.5\nCiao,NCF,\n")
    (tmp_path / "4.9.csv").write_text("data,users\nCiao,7\n")
    (tmp_path / "damaged.csv").write_bytes(b"\xff\xfe,row\n")
    record = {"model": "ncf", "data": "ciao", "seconds_per_epoch": 2.0, "evaluation_seconds": 3.0}
    timings = Timings([record, {"model": "bpr"}], lines_below(tmp_path))
    assert timings.of("bpr", "ciao", 10, "BPR", "Ciao") == Estimate(STARTING + 15, by_table=True)
    assert timings.of("ncf", "ciao", 10, "NCF", "Ciao") == Estimate(STARTING + 23)
    assert timings.of("bpr", "beibei", 10, "BPR", "Beibei") is None
