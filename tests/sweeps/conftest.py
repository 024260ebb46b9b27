"""Trials without training: the value of each follows from its settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recsys_cli.jobs import engine
from recsys_cli.jobs.identity import JOB_HASH, job_hash
from recsys_cli.jobs.nursery import Ended
from recsys_cli.runs.bearing import about


class Killed(BaseException):
    """In the place of SIGKILL: nothing is caught, nothing is cleaned up."""


class Trainer:
    """fails: of settings, whether the job fails. kill_after: trials that end before everything is killed."""

    def __init__(self):
        self.running, self.trained, self.fails, self.kill_after, self.length = {}, [], lambda config: False, None, 4

    def start(self, id, command, config, log):
        assert config.evaluation.test is False
        Path(log).touch()
        self.running[id] = config
        self.trained.append(Path(config.run_dir or config.resume).name)
        if config.run_dir and not config.resume:
            self._write(config)

    def _write(self, config):
        run = Path(config.run_dir)
        run.mkdir(parents=True)
        (run / "config.yaml").touch()
        self._record(run, config, "running")

    def _record(self, run, config, status):
        facts = {"status": status, JOB_HASH: job_hash(config), "data_hash": "x", **about(config)}
        (run / "record.json").write_text(json.dumps(facts))

    def wait(self, seconds):
        if self.kill_after == 0:
            raise Killed
        id, config = next(iter(self.running.items()))
        del self.running[id]
        if self.fails(config):
            return [Ended(id, 2, "error: the loss became nan")]
        self.kill_after = None if self.kill_after is None else self.kill_after - 1
        best = config.loss.negative_weight - abs(config.model.dropout - 0.3)
        rows = [
            {"epoch": 5 * n, "loss": 1.0, "seconds": 0.1, "NDCG@10": best * n / self.length}
            for n in range(1, self.length + 1)
        ]
        run = Path(config.resume or config.run_dir)
        (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (run / "validation.json").write_text('{"metrics": {"NDCG@10": {"mean": 0.1}}}')
        self._record(run, config, "finished")
        return [Ended(id, 0, "")]

    def signal(self, id, number):
        pass

    def close(self):
        self.running.clear()


@pytest.fixture
def trainer(monkeypatch):
    """Trains at once."""
    pytest.importorskip("optuna")
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
    monkeypatch.setattr("recsys_cli.jobs.found.Found._data_hash", lambda self, cfg: "x")
    found = Trainer()
    monkeypatch.setattr(engine, "Nursery", lambda: found)
    return found
