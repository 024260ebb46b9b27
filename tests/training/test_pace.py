"""In how many calls the steps of an epoch are done."""

from __future__ import annotations

import pytest

from recsys_cli.runs.metrics_log import MetricsLog
from recsys_cli.training import fit as fit_module
from recsys_cli.training.fit import Pace, Progress, TrainerSettings, fit


class Steps:
    """A learner of 1,000 steps an epoch that notes its calls. seconds: of a step, by a clock of its own."""

    def __init__(self, seconds: float):
        self.seconds, self.now, self.calls = seconds, 0.0, []

    def state(self):
        return {}

    def begin(self, epoch):
        return 1000

    def run(self, first, last, total):
        self.calls.append((first, last))
        self.now += self.seconds * (last - first)
        return total


def calls(seconds, tmp_path, monkeypatch):
    learner = Steps(seconds)
    monkeypatch.setattr(fit_module.time, "perf_counter", lambda: learner.now)
    log = MetricsLog(tmp_path / "metrics.jsonl", 0)
    fit(learner, tmp_path, TrainerSettings(epochs=3), Progress(), None, log, lambda *args, **kwargs: None)
    assert [last for _, last in learner.calls].count(1000) == 3
    return learner.calls[-2:]


def test_a_short_epoch_is_one_call(tmp_path, monkeypatch):
    assert calls(1e-5, tmp_path, monkeypatch) == [(0, 1000), (0, 1000)]


def test_a_long_one_is_left_every_half_second(tmp_path, monkeypatch):
    assert calls(1e-3, tmp_path, monkeypatch) == [(0, 500), (500, 1000)]


@pytest.mark.parametrize(("took", "next_chunk"), [(1e-9, 80), (0.5, 10), (1.0, 5), (1e9, 1)])
def test_the_pace_follows_what_a_call_took(took, next_chunk):
    pace = Pace(10)
    pace.took(10, took)
    assert pace.chunk(1000) == next_chunk
