"""What is made first, and what the budget leaves for later."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

from recsys_cli.experiments.budget import Budget
from recsys_cli.experiments.plan import in_order


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
