"""What is said about the time that is left, by a clock of our own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from recsys_cli.training import reporter
from recsys_cli.training.fit import Progress
from recsys_cli.training.reporter import RemainingTime, Reporter


def test_compilation_does_not_count():
    time = RemainingTime(200, 0, 0.0)
    time.chunk(1.0, 3.0)
    time.epoch(1, 3.0, False)
    assert time.left() is None  # nothing but compilation was seen
    now = 3.0
    for epoch in range(2, 11):
        now += 0.01
        time.chunk(epoch, now)
        if epoch == 10:
            now += 0.5  # the first evaluation compiles as well
        time.epoch(epoch, now, epoch == 10)
    assert time.left() == pytest.approx(190 * 0.01, rel=0.01)
    for epoch in range(11, 21):
        now += 0.01 + 0.02 * (epoch == 20)
        time.epoch(epoch, now, epoch == 20)
    assert time.left() == pytest.approx(180 * (0.9 * 0.01 + 0.1 * 0.03), rel=0.02)


def test_a_long_first_epoch_is_measured_within():
    time = RemainingTime(10, 0, 0.0)
    time.chunk(0.01, 5.0)  # compiled
    assert time.left() is None
    time.chunk(0.02, 5.6)
    assert time.left() == pytest.approx((10 - 0.02) * 60)


def test_a_resumed_training_counts_what_is_left():
    time = RemainingTime(100, 90, 0.0)
    time.epoch(91, 5.0, False), time.epoch(92, 6.0, False), time.epoch(93, 7.0, False)
    assert time.left() == pytest.approx(7.0)


@pytest.fixture
def told(monkeypatch, capsys):
    """Runs epochs by a clock of our own: list of (chunks, seconds, losses, metrics) -> what was printed."""

    def run(epochs: int, seconds: float, loss: float = 1.0) -> str:
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr(reporter.time, "perf_counter", lambda: clock.now)
        progress = Progress()
        report = Reporter(epochs, progress, bar=True, monitor="HR@1", tensorboard=None)
        for epoch in range(1, epochs + 1):
            for fraction in (0.25, 0.5, 0.75, 1.0):
                clock.now += seconds / 4 + (2 * seconds if epoch == 1 and fraction == 0.25 else 0)
                report(progress, fraction=fraction)
            progress.losses.append(loss)
            progress.epoch = epoch
            report(progress, seconds=seconds, metrics={"HR@1": 0.5} if epoch % 10 == 0 else None)
        report.close()
        return capsys.readouterr().err

    return run


def test_a_long_training_is_told_after_the_first_chunks(told):
    first = told(20, 12.0).splitlines()[0]
    assert first == "about 4 min of training"


def test_a_short_training_is_not(told):
    assert "of training" not in told(20, 0.1)


def test_the_last_line_has_no_time_left_and_a_solved_model_no_loss(told):
    last = told(20, 12.0).splitlines()[-1]
    assert last == "epoch 20/20  12.00 s/epoch  loss 1  HR@1 0.5000"
    assert "loss" not in told(20, 12.0, loss=0.0)
