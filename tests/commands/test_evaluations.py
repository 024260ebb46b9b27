"""What `evaluate` keeps, beside whom it reads, and what it says; and training with the test split closed."""

from __future__ import annotations

import builtins
import errno
import fcntl
import json
import os

import pytest

from tests.commands.conftest import TINY, record_of


def kept(run) -> list[str]:
    return sorted(file.name for file in (run / "evaluations").iterdir())


def test_results_are_numbered_and_never_overwritten(recsys, trained):
    for words in ([], ["evaluation.k=[3]"], [], ["evaluation.k=[7]"], ["name=short", "evaluation.k=[1]"]):
        assert recsys("evaluate", f"run={trained}", "evaluation.per_user=false", *words).code == 0
    assert kept(trained) == ["short.json", "test-again-2.json", "test-again-3.json", "test-again.json"]
    found = json.loads((trained / "evaluations" / "test-again-2.json").read_text())
    assert set(found["metrics"]) == {"HR@3", "Recall@3", "NDCG@3"}


@pytest.mark.parametrize("name", ["../config", "a/b", ".hidden", "x_per_user"])
def test_a_name_stays_in_its_folder(recsys, trained, name):
    result = recsys("evaluate", f"run={trained}", f"name={name}")
    assert result.code == 2 and f"name={name}" in result.err


def test_its_own_seconds_are_shown_and_not_those_of_training(recsys, trained):
    out = recsys("evaluate", f"run={trained}").out
    assert "s for this evaluation" in out and "of training" not in out


def test_readers_share_a_run_and_writers_exclude(recsys, trained):
    with open(trained / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert recsys("evaluate", f"run={trained}").code == 0
        result = recsys("train", f"resume={trained}")
        assert result.code == 2 and "in use by another process" in result.err
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = recsys("evaluate", f"run={trained}")
        assert result.code == 2 and "in use by another process" in result.err


@pytest.mark.parametrize("lock", [True, False])
def test_a_run_that_cannot_be_written_is_evaluated_all_the_same(recsys, trained, monkeypatch, tmp_path, lock):
    """As on a disk that is mounted read-only."""
    if not lock:
        (trained / ".lock").unlink()
    before = sorted(trained.rglob("*"))
    real_open, real_low, real_access = builtins.open, os.open, os.access

    def read_only(path, writing: bool) -> None:
        if writing and str(path).startswith(str(trained)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def opened(file, mode="r", *more, **named):
        read_only(file, not mode.startswith("r") or "+" in mode)
        return real_open(file, mode, *more, **named)

    def low(path, flags, mode=0o777, *, dir_fd=None):
        whole = path if dir_fd is None else f"{os.readlink(f'/proc/self/fd/{dir_fd}')}/{path}"
        read_only(whole, bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))
        return real_low(path, flags, mode, dir_fd=dir_fd)

    def access(path, mode, **more):
        return real_access(path, mode, **more) and not (mode & os.W_OK and str(path).startswith(str(trained)))

    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(os, "open", low)
    monkeypatch.setattr(os, "access", access)
    result = recsys("evaluate", f"run={trained}", f"per_user={tmp_path / 'users.csv'}")
    assert result.code == 0 and "NDCG" in result.out and "cannot be written" in result.out, result.err
    assert recsys("recommend", f"run={trained}", "k=3", f"output={tmp_path / 'items.csv'}").code == 0
    assert sorted(trained.rglob("*")) == before


def test_the_best_validation_is_in_the_record_and_beside_the_result(trained):
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    best = max((row for row in rows if "NDCG@5" in row), key=lambda row: row["NDCG@5"])
    expected = {"metric": "NDCG@5", "value": best["NDCG@5"], "epoch": best["epoch"]}
    assert record_of(trained)["best_validation"] == expected
    assert json.loads((trained / "test.json").read_text())["best_validation"] == expected


def test_a_sweep_can_leave_the_test_split_closed(recsys, tmp_path, monkeypatch):
    from recsys_cli.training import selection

    looked_at, evaluate = [], selection.evaluate
    monkeypatch.setattr(
        selection,
        "evaluate",
        lambda scorer, data, split, **more: looked_at.append(split) or evaluate(scorer, data, split, **more),
    )
    run = tmp_path / "run"
    result = recsys("train", *TINY, "evaluation.test=false", f"run_dir={run}")
    assert result.code == 0 and set(looked_at) == {"valid"}, result.err
    assert "\nvalidation, epoch 4 of 4" in result.out and "\ntest" not in result.out
    assert not (run / "test.json").exists()
    shown = json.loads((run / "validation.json").read_text())
    assert shown["split"] == "validation" and shown["best_validation"] == record_of(run)["best_validation"]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert shown["metrics"]["NDCG@5"]["mean"] == pytest.approx(rows[-1]["NDCG@5"])
    assert recsys("evaluate", f"run={run}").code == 0, "opened once the choice is made"


@pytest.mark.parametrize(
    "words", [["data.validation=none"], ["evaluation.select=best_test_epoch"], ["unlearning=sisa", "model=wmf"]]
)
def test_a_closed_test_split_needs_something_else_to_look_at(recsys, tmp_path, words):
    result = recsys("train", *TINY, "evaluation.test=false", f"run_dir={tmp_path / 'run'}", *words)
    assert result.code == 2 and "evaluation.test=false" in result.err and not (tmp_path / "run").exists()


def test_evaluate_takes_no_closed_test_split(recsys, trained):
    result = recsys("evaluate", f"run={trained}", "evaluation.test=false")
    assert result.code == 2 and "split=validation" in result.err


def test_recommend_names_its_output_when_it_cannot_be_written(recsys, trained):
    result = recsys("recommend", f"run={trained}", "output=/nowhere/x.csv")
    assert result.code == 2 and "output=/nowhere/x.csv cannot be written" in result.err
    assert "run_dir" not in result.err and "resume" not in result.err
