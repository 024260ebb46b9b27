"""How many steps are done at a time: few at first, then as many as fit, over the end of an epoch too."""

from __future__ import annotations

from types import SimpleNamespace

from recsys_cli.training import fit
from recsys_cli.training.fit import Progress


class Steps:
    """A learner whose steps take `seconds` each."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.calls = clock, seconds, []

    def run(self, first, last, total):
        self.calls.append(last - first)
        self.clock.now += (last - first) * self.seconds
        return total


def epochs(monkeypatch, steps, seconds, n):
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(fit, "time", clock)
    learner, chunk, found = Steps(clock, seconds), 0, []
    for _ in range(n):
        learner.calls = []
        _, chunk = fit._epoch(learner, steps, Progress(), [], lambda *args, **facts: None, chunk)
        found.append(learner.calls)
    return found


def test_a_short_epoch_is_one_call_after_the_first(monkeypatch):
    assert epochs(monkeypatch, 20, 0.001, 3) == [[1, 8, 11], [20], [20]]


def test_a_signal_does_not_wait_longer_for_a_short_last_chunk(monkeypatch):
    first, second = epochs(monkeypatch, 23, 0.05, 2)
    assert first == [1, 8, 10, 4] and max(second) == 10
