"""A crash at any moment leaves the old state with the request pending, or the new one; repeat to complete."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from recsys_cli.training.fit import Stopped
from recsys_cli.unlearning import generation
from tests.unlearning.conftest import QUICK, PowerCut, made_up
from tests.unlearning.harness import MODELS, contents, differing, log, recsys, train_run, write_pairs


def clean(run) -> bool:
    """Nothing is left over beside the current state."""
    return (
        len(list((run / "generations").iterdir())) == 1
        and not list(run.glob("requests/*"))
        and not [file for file in run.rglob("*") if file.name.endswith(".partial")]
    )


# In three parts, which several processes may share.
@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_unlearning_survives_a_crash_at_every_step(part, quick, tmp_path, cut, capsys):
    survives_crashes(slice(part, None, 3), ["repartition=true"], "attention", tmp_path, cut)


def test_unlearning_survives_a_crash_at_some_steps(quick, tmp_path, cut, capsys):
    survives_crashes(slice(3, None, 9), [], "mean", tmp_path, cut)


def survives_crashes(steps, words, aggregation, tmp_path, cut):
    """At these of all steps."""
    run = train_run(tmp_path, *QUICK, f"unlearning.aggregation={aggregation}", "unlearning.shards=2")
    forget = write_pairs(tmp_path / "f.csv", [*log()[0][3:5], log()[1][2]])
    before = contents(run / "current")

    def unlearn(folder):
        return recsys("unlearn", f"run={folder}", f"forget={forget}", "device=cpu", *words)

    shutil.copytree(run, tmp_path / "whole", symlinks=True)
    cut(None)
    assert unlearn(tmp_path / "whole") == 0
    n_steps, after = cut(None), contents(tmp_path / "whole" / "current")
    assert n_steps > 30
    old_and_pending = new = 0
    for step in range(n_steps)[steps]:
        folder = tmp_path / f"cut-{step}"
        shutil.copytree(run, folder, symlinks=True)
        cut(step)
        with pytest.raises(PowerCut):
            unlearn(folder)
        cut(None)
        now, asked = contents(folder / "current"), list((folder / "requests").glob("*.json"))
        assert now in (before, after)
        old_and_pending += now == before and len(asked) == 1
        new += now == after
        if step == n_steps - 1:
            break  # only the reply is lost, and the request is gone with its rows
        assert unlearn(folder) == 0
        assert differing(contents(folder / "current"), after) == [] and clean(folder), step
        shutil.rmtree(folder)
    assert old_and_pending > 20 // (steps.step or 1) and new


def test_pending_requests_alone_complete_it(run, tmp_path, cut):
    forget = write_pairs(tmp_path / "f.csv", log()[0][3:5])
    words = ["unlearn", f"run={run}", "device=cpu"]
    cut(12)
    with pytest.raises(PowerCut):
        recsys(*words, f"forget={forget}")
    cut(None)
    assert list((run / "requests").glob("*.json")) and (run / "current").resolve().name == "0"
    assert recsys(*words) == 0
    assert (run / "current").resolve().name == "1" and clean(run)


def test_a_stopped_request_stays_pending(run, tmp_path, monkeypatch, capsys):
    before, trained = contents(run / "current"), []

    def stopped(path, config, rows, k):
        if trained:
            raise Stopped(signal.SIGTERM)
        trained.append(k)
        return made_up(path, config, rows, k)

    users = sorted({(u,) for u, _ in log()[0]})[:4]
    words = [
        "unlearn",
        f"run={run}",
        "device=cpu",
        f"forget={write_pairs(tmp_path / 'f.csv', users, 'user')}",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(generation, "train_shard", stopped)
        assert recsys(*words) == 128 + signal.SIGTERM
    assert "the requests are pending" in capsys.readouterr().out
    assert contents(run / "current") == before
    again = []
    monkeypatch.setattr(generation, "train_shard", lambda *args: again.append(args[-1]) or made_up(*args))
    assert recsys(*words) == 0
    assert trained[0] not in again, "the shard that was finished is not trained again"


@pytest.mark.parametrize("name", ["metrics.jsonl", "origin.json", "inputs.json", "vectors.npz", "vectors.sha256"])
def test_a_shard_that_was_left_torn_is_trained_again(run, tmp_path, monkeypatch, name, capsys):
    users = sorted({(u,) for u, _ in log()[0]})[:4]
    words = ["unlearn", "device=cpu", f"forget={write_pairs(tmp_path / 'f.csv', users, 'user')}"]
    shutil.copytree(run, tmp_path / "whole", symlinks=True)
    assert recsys(*words, f"run={tmp_path / 'whole'}") == 0
    trained = []

    def train(path, config, rows, k):
        trained.append(k)
        if len(trained) == 2:
            raise Stopped(signal.SIGTERM)
        return made_up(path, config, rows, k)

    monkeypatch.setattr(generation, "train_shard", train)
    assert recsys(*words, f"run={run}") == 128 + signal.SIGTERM
    file = run / "generations" / "1.partial" / "shards" / str(trained[0]) / name
    file.write_bytes(bytes(len(file.read_bytes()) // 2))
    assert recsys(*words, f"run={run}") == 0
    assert trained.count(trained[0]) == 2
    assert differing(contents(run / "current"), contents(tmp_path / "whole" / "current")) == []


@pytest.mark.parametrize("name", ["metrics.jsonl", "origin.json"])
def test_damaged_words_about_a_shard_fail_a_check(run, name, capsys):
    (run / "current" / "shards" / "1" / name).write_text('{"cod')
    assert recsys("unlearn", f"run={run}", "verify=true", "device=cpu") == 1
    assert f"shards/1/{name} is missing or damaged" in capsys.readouterr().out


@pytest.mark.slow
def test_training_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    """Inside the second shard of a real training."""
    from recsys_cli.training.learner import GradientLearner

    words = ["unlearning=sisa", "unlearning.shards=2", "unlearning.aggregation=static", *MODELS["bpr"]]
    whole = train_run(tmp_path, *words, name="whole")
    run, calls = GradientLearner.run, []

    def signalled(self, first, last, total):
        calls.append(self)
        if len(set(calls)) == 2 and calls.count(self) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return run(self, first, last, total)

    with monkeypatch.context() as patch, pytest.raises(AssertionError):
        patch.setattr(GradientLearner, "run", signalled)
        train_run(tmp_path, *words, name="stopped")
    stopped = tmp_path / "stopped"
    assert f"go on with: recsys train resume={stopped}" in capsys.readouterr().out
    assert not (stopped / "current").exists()
    assert list(stopped.glob("generations/0.partial/shards/*/checkpoints/*")), "stopped inside of a shard"
    assert recsys("unlearn", f"run={stopped}", "forget=x", "device=cpu") == 2
    for torn in ("shards/*/metrics.jsonl", "shards/*/checkpoints/*.npz"):
        shutil.copytree(stopped, tmp_path / "torn")
        for file in (tmp_path / "torn" / "generations" / "0.partial").glob(torn):
            file.write_bytes(bytes(9) + b"\n")
        assert recsys("train", f"resume={tmp_path / 'torn'}") == 0
        assert differing(contents(tmp_path / "torn" / "current"), contents(whole / "current")) == []
        shutil.rmtree(tmp_path / "torn")
    assert recsys("train", f"resume={stopped}") == 0
    assert differing(contents(stopped / "current"), contents(whole / "current")) == []
    assert recsys("train", f"resume={stopped}") == 0
    assert "is trained to its end" in capsys.readouterr().out


@pytest.mark.parametrize("code, epoch", [("this", 1), ("another", 0)])
def test_half_a_training_of_another_version_is_begun_anew(tmp_path, code, epoch):
    from types import SimpleNamespace

    from recsys_cli.training.checkpoint import numbered, save
    from recsys_cli.training.fit import Progress
    from recsys_cli.unlearning import unit

    header = Progress(epoch=1).header() | {"identity": {"code": code}}
    save(tmp_path / "checkpoints" / numbered("epoch", 1), {}, header)
    progress, _ = unit._taken_up(tmp_path, SimpleNamespace(state=dict), {"code": "this"})
    assert progress.epoch == epoch and len(list(tmp_path.glob("checkpoints/*.npz"))) == epoch


def test_epochs_of_a_run_are_fixed(tmp_path, quick, capsys):
    run = train_run(tmp_path, *QUICK)
    assert recsys("train", f"resume={run}", "trainer.epochs=9") == 2
    assert "are fixed at 2" in capsys.readouterr().err
