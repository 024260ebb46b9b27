"""The same command gives the same bytes: in another process, with another number of threads, and after its end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from recsys_cli import cli
from recsys_cli.training import fit
from tests.contract.models import DISTINCT, RESUMABLE
from tests.tiny import RUN
from tests.training.stopping import die_at

TINY = [*RUN, "data.items=40", "data.interactions=300", "trainer.epochs=5"]


def words(model: str, run_dir: Path, *more: str) -> list[str]:
    return ["train", f"model={model}", *RESUMABLE[model], *TINY, f"run_dir={run_dir}", *more]


def outcome(run_dir: Path) -> dict[str, bytes]:
    """What must not differ: the newest checkpoint, the metrics of test, and those of every epoch but for the seconds."""
    epochs = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return {
        "checkpoint": max((run_dir / "checkpoints").glob("epoch-*.npz")).read_bytes(),
        "test": (run_dir / "test.json").read_bytes(),
        "per user": (run_dir / "test_per_user.npz").read_bytes(),
        "epochs": json.dumps([{k: v for k, v in row.items() if k != "seconds"} for row in epochs]).encode(),
    }


def status(run_dir: Path) -> str:
    return json.loads((run_dir / "record.json").read_text())["status"]


def check_resumed(stopped: Path, whole: Path) -> None:
    assert status(stopped) == "running"
    assert cli.main(["train", f"resume={stopped}", "device.threads=null"]) == 0
    assert status(stopped) == "finished"
    assert outcome(stopped) == outcome(whole)


def somewhere(model: str) -> str:
    """The call before which a run of this model ends: they have ten or more."""
    return str(3 + zlib.crc32(model.encode()) % 7)


# What presets of one implementation differ in comes below, and in the contract's cut epochs.
MODELS = [m for m in RESUMABLE if m in DISTINCT]


@pytest.mark.parametrize("model", [pytest.param(m, marks=[pytest.mark.slow] * (m != "enmf")) for m in MODELS])
def test_stopped_and_resumed_equals_uninterrupted(model, tmp_path, other_threads):
    """It ends in a process with another number of threads, beside the uninterrupted run in this one."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    other_threads.ask(die_at, somewhere(model), *words(model, stopped))
    assert cli.main(words(model, whole)) == 0
    assert other_threads.answer() == "died"
    check_resumed(stopped, whole)


@pytest.mark.slow
@pytest.mark.parametrize("model", [m for m in RESUMABLE if m not in DISTINCT])
def test_a_preset_whose_last_epoch_is_lost_makes_it_again(model, tmp_path):
    """As where the process was killed in it: nothing of that epoch is left. The others are looked at above."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert cli.main(words(model, whole, "trainer.epochs=2")) == 0
    shutil.copytree(whole, cut)
    for path in [max((cut / "checkpoints").glob("epoch-*.npz")), *cut.glob("test*")]:
        path.unlink()
    log = cut / "metrics.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    record = json.loads((cut / "record.json").read_text())
    (cut / "record.json").write_text(json.dumps(record | {"status": "running"}))
    check_resumed(cut, whole)


@pytest.mark.slow  # each starts a process, with TensorFlow
@pytest.mark.parametrize("model", ["enmf", "ncf", "expomf"])  # over all pairs, sampled, and without a gradient
def test_killed_and_resumed_equals_uninterrupted(model, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "tests.training.stopping",
        somewhere(model),
        *words(model, killed, "device.threads=1"),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=pipe, stderr=pipe, text=True) as other:
        assert cli.main(words(model, whole)) == 0
        _, errors = other.communicate(timeout=300)
    assert other.returncode == -signal.SIGKILL, errors
    check_resumed(killed, whole)


@pytest.mark.slow
def test_wherever_it_is_stopped(tmp_path):
    whole, call, few = tmp_path / "whole", 0, "trainer.epochs=3"
    assert cli.main(words("wmf", whole, few)) == 0
    while die_at(str(call), *words("wmf", stopped := tmp_path / str(call), few)) == "died":
        if list(stopped.glob("checkpoints/*.npz")):  # before the first one there is nothing to be taken up
            check_resumed(stopped, whole)
        call += 1
    assert call >= 10


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_inside_an_epoch_saves_and_resumes(stop, tmp_path, monkeypatch, capsys):
    from recsys_cli.training.learner import GradientLearner

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert cli.main(words("enmf", whole)) == 0
    run, calls = GradientLearner.run, []

    def signalled(self, first, last, total):
        calls.append(last)
        if len(calls) == 6:
            os.kill(os.getpid(), stop)
        return run(self, first, last, total)

    with monkeypatch.context() as patch:
        patch.setattr(GradientLearner, "run", signalled)
        patch.setattr(fit, "CHUNK_SECONDS", 0.0)
        assert cli.main(words("enmf", stopped)) == 128 + stop
    assert f"recsys train resume={stopped}" in capsys.readouterr().out
    assert list((stopped / "checkpoints").glob("*-step-*.npz"))
    assert json.loads((stopped / "record.json").read_text())["status"] == "interrupted"
    assert cli.main(["train", f"resume={stopped}"]) == 0
    assert outcome(stopped) == outcome(whole)


def test_more_epochs_after_the_end_equal_a_longer_run(tmp_path):
    whole, longer = tmp_path / "whole", tmp_path / "longer"
    assert cli.main(words("bpr", whole)) == 0
    assert cli.main(words("bpr", longer, "trainer.epochs=3")) == 0
    assert cli.main(["train", f"resume={longer}", "trainer.epochs=5"]) == 0
    longer, whole = (json.loads(outcome(run)["test"]) for run in (longer, whole))
    # That one was validated once more, at its first end.
    assert longer.pop("best_validation") and whole.pop("best_validation") and longer == whole
