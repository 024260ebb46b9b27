"""The order of jobs, their outcomes and signals, with scripted processes in the place of real ones."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from recsys_cli.config.library import library
from recsys_cli.jobs import Job, exit_code, run_jobs
from recsys_cli.jobs.claim import Claim
from recsys_cli.jobs.nursery import Ended


class Script:
    """ends: seed -> what the process of that job does: an exit code, or a function of (its config, itself)."""

    def __init__(self, ends):
        self.ends, self.running, self.started, self.most, self.signals = ends, {}, [], 0, []

    def start(self, id, command, config, log):
        Path(log).touch()
        self.running[id] = config
        self.started.append(config.seed)
        self.most = max(self.most, len(self.running))

    def signal(self, id, number):
        self.signals.append((self.running[id].seed, number))

    def wait(self, seconds):
        for id, config in self.running.items():
            end = self.ends.get(config.seed, 0)
            end = end(config, self) if callable(end) else end
            if end is not None:
                del self.running[id]
                return [Ended(id, end, "error: nothing to train on" if end == 2 else "")]
        return []

    def close(self):
        self.closed = True


@pytest.fixture
def run(tmp_path):
    def run(ends, seeds=(0, 1, 2, 3), workers=1, on_event=None, lazily=False, words=()):
        script = Script(ends)
        jobs = (Job.of([f"seed={seed}", f"runs_dir={tmp_path / 'runs'}", *words], library("")) for seed in seeds)
        outcomes = run_jobs(jobs if lazily else list(jobs), workers, on_event, lambda: script)
        assert script.closed and not (tmp_path / "runs" / ".jobs").exists(), "no lock and no log is left behind"
        return outcomes, script

    return run


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def test_a_failed_job_does_not_end_the_others(run):
    outcomes, script = run({1: 2, 2: -9})
    assert statuses(outcomes) == ["finished", "failed", "failed", "finished"] and script.started == [0, 1, 2, 3]
    assert outcomes[1].error == "error: nothing to train on" and "out" in outcomes[2].error
    assert exit_code(outcomes) == 2


def test_so_many_at_a_time_and_the_cores_are_shared_out(run, monkeypatch):
    monkeypatch.setattr("recsys_cli.jobs.engine.cores", lambda: 6)
    threads = []
    _, script = run(
        {seed: lambda config, _: threads.append(config.device.threads) or 0 for seed in range(4)}, workers=3
    )
    assert script.most == 3 and threads == [2, 2, 2, 2]
    _, script = run({0: lambda config, _: threads.append(config.device.threads) or 0})
    assert script.most == 1 and threads[-1] is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_begins_no_more(run, number):
    def stop(config, script):
        if not script.signals:
            os.kill(os.getpid(), number)
            return None
        return 143

    before = signal.getsignal(number)
    outcomes, script = run({0: stop, 1: lambda *_: 143 if script_of(_).signals else None}, workers=2)
    assert statuses(outcomes) == ["interrupted", "interrupted", "not run", "not run"]
    assert sorted(script.signals) == [(0, signal.SIGTERM), (1, signal.SIGTERM)]
    assert exit_code(outcomes) == 128 + number and signal.getsignal(number) is before


def script_of(arguments) -> Script:
    return arguments[1]


def test_the_next_job_is_asked_for_when_a_worker_is_free(run):
    told = []

    def on_event(event):
        told.append((event.kind, event.number))

    outcomes, _ = run({}, on_event=on_event, lazily=True)
    assert told == [(kind, number) for number in range(4) for kind in ("started", "ended")]
    assert statuses(outcomes) == ["finished"] * 4


def test_a_job_may_be_stopped_by_what_its_epochs_say(run):
    def train(config, script):
        folder = Path(config.run_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").touch()
        row = {"epoch": 1, "loss": 1.0, "seconds": 0.1, "NDCG@10": 0.5}
        (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")
        return 143 if script.signals else None

    seen = []

    def on_event(event):
        if event.kind == "epochs":
            seen.extend(event.epochs)
            return event.epochs[-1]["NDCG@10"] < 0.6

    (outcome,), script = run({0: train}, seeds=(0,), on_event=on_event)
    assert outcome.status == "stopped" and outcome.code == 0 and seen[0]["NDCG@10"] == 0.5
    assert script.signals == [(0, signal.SIGTERM)]
    assert (Path(outcome.run_dir) / "log.txt").exists()


def test_a_run_that_can_forget_gets_nothing_that_its_proof_does_not_know(run):
    def train(config, script):
        for name in ("config.yaml", "record.json"):
            (Path(config.run_dir) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(config.run_dir) / name).write_text("{}")
        return 0

    (outcome,), _ = run({0: train}, seeds=(0,), words=("unlearning=sisa", "model=wmf"))
    assert {file.name for file in Path(outcome.run_dir).iterdir()} == {"config.yaml", "record.json"}


def test_a_job_that_another_process_does_is_left_to_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr("recsys_cli.jobs.engine.AGAIN", 0.0)
    theirs = Claim.take(Job.of(["seed=0", f"runs_dir={tmp_path / 'runs'}"], library("")).config)

    def last(config, script):
        theirs.release()
        return 0

    outcomes, script = run({3: last})
    assert script.started == [1, 2, 3, 0] and statuses(outcomes) == ["finished"] * 4
    assert outcomes[0].words[0] == "seed=0", "in the order of the jobs"


def test_where_nothing_can_be_written_every_job_says_so(run, tmp_path):
    (tmp_path / "runs").touch()
    script = Script({})
    jobs = [Job.of([f"seed={seed}", f"runs_dir={tmp_path / 'runs'}"], library("")) for seed in (0, 1)]
    outcomes = run_jobs(jobs, starter=lambda: script)
    assert statuses(outcomes) == ["failed", "failed"] and not script.started and exit_code(outcomes) == 2
    assert "cannot make a folder in" in outcomes[0].error and "runs_dir" in outcomes[0].error
