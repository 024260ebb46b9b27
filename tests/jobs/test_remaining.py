"""What is said to be left counts every job, and says "more than" where the length of one is not known."""

from __future__ import annotations

from omegaconf import OmegaConf

from recsys_cli.jobs.job import FINISHED, Event, Job, Outcome
from recsys_cli.jobs.remaining import Remaining


def job(model: str, seconds: float | None = None) -> Job:
    config = OmegaConf.create({"model": {"name": model}, "data": {"name": "d"}, "trainer": {"epochs": 4}})
    return Job([model], config, seconds=seconds)


def test_what_is_known_beforehand_counts_until_something_is_seen():
    jobs = [job("a", 100.0), job("a", 100.0), job("b", 40.0)]
    remaining = Remaining(1, jobs)
    assert remaining.left(0.0) == (240.0, True) and Remaining(2, jobs).left(0.0) == (120.0, True)
    assert Remaining(1, [*jobs, job("c")]).left(0.0) == (240.0, False) and Remaining(1, [job("c")]).left(0.0) is None
    remaining.hear(Event("started", 0, jobs[0]), 0.0)
    assert remaining.left(30.0) == (210.0, True)
    remaining.hear(Event("ended", 0, jobs[0], outcome=Outcome(["a"], FINISHED, 60.0)), 60.0)
    assert remaining.left(60.0) == (100.0, True), "the second a takes as long as the first"
