"""What a finished run leaves behind, and how `train` meets trouble: one sentence, exit code 2, nothing lost."""

from __future__ import annotations

import fcntl
import json

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.commands.conftest import TINY, record_of


def test_a_run_directory_explains_itself(trained):
    assert yaml.safe_load((trained / "config.yaml").read_text())["trainer"]["epochs"] == 4
    record = record_of(trained)
    assert record["status"] == "finished" and record["epoch"] == 4 and record["seed"] == 0
    assert len(record["data_hash"]) == 64 and len(record["environment"]["code"]) == 64
    assert record["peak_memory_mb"] > 100 and record["training_seconds"] > 0
    epochs = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in epochs] == [1, 2, 3, 4]
    assert [("NDCG@5" in row) for row in epochs] == [False, True, False, True]
    result = json.loads((trained / "test.json").read_text())
    with np.load(trained / "test_per_user.npz") as per_user:
        assert per_user["HR@5"].mean() == result["metrics"]["HR@5"]["mean"]
        assert len(per_user["user"]) == result["users"] == 60
    assert result["metrics"]["HR@5"]["low"] <= result["metrics"]["HR@5"]["mean"] <= result["metrics"]["HR@5"]["high"]


def test_tensorboard_scalars(recsys, tmp_path):
    assert recsys("train", *TINY, "tensorboard=true", f"run_dir={tmp_path / 'run'}").code == 0
    scalars = {}
    for path in (tmp_path / "run" / "tensorboard").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                scalars.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    epochs = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [step for step, _ in scalars["loss"]] == [1, 2, 3, 4]
    np.testing.assert_allclose([v for _, v in scalars["loss"]], [row["loss"] for row in epochs], rtol=1e-6)
    assert [step for step, _ in scalars["NDCG_at_5"]] == [2, 4] and len(scalars["seconds"]) == 4


def test_best_validation_epoch_is_the_one_that_is_scored(recsys, tmp_path):
    run = tmp_path / "run"
    result = recsys(
        "train",
        *TINY,
        "trainer.epochs=12",
        "evaluation.select=best_validation",
        f"run_dir={run}",
        "optimizer.learning_rate=0.3",
        "trainer.early_stopping=2",
    )
    assert result.code == 0, result.err
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = max((r for r in rows if "NDCG@5" in r), key=lambda r: r["NDCG@5"])["epoch"]
    assert record_of(run)["epoch"] == best and "best on validation" in result.out
    assert len(rows) == min(12, best + 4)  # two evaluations, two epochs apart, without improvement
    assert [p.name for p in (run / "checkpoints").glob("best-*.npz")] == [f"best-{best:06d}.npz"]
    again = recsys("evaluate", f"run={run}")
    assert f"epoch {best}" in again.out


def test_published_habit_carries_its_name(recsys, tmp_path):
    result = recsys("train", *TINY, "evaluation.select=best_test_epoch", f"run_dir={tmp_path / 'run'}")
    assert "best on TEST" in result.out
    assert json.loads((tmp_path / "run" / "test.json").read_text())["protocol"]["select"] == "best_test_epoch"


def test_diverged_training_keeps_the_last_good_checkpoint(recsys, tmp_path):
    run = tmp_path / "run"
    words = [*TINY, f"run_dir={run}", "optimizer=sgd", "optimizer.learning_rate=30", "trainer.epochs=400"]
    result = recsys("train", *words)
    assert result.code == 2 and "the loss became" in result.err and "optimizer.learning_rate" in result.err
    assert "Traceback" not in result.err and record_of(run)["status"] == "failed"
    for path in (run / "checkpoints").glob("*.npz"):
        with np.load(path) as arrays:
            assert all(np.isfinite(arrays[n]).all() for n in arrays.files)


def test_run_directory_in_use(recsys, trained):
    with open(trained / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = recsys("train", f"resume={trained}")
    assert result.code == 2 and "in use by another process" in result.err


def test_an_existing_run_is_not_overwritten(recsys, trained):
    result = recsys("train", *TINY, f"run_dir={trained}")
    assert result.code == 2 and f"resume={trained}" in result.err


def test_damaged_checkpoint_falls_back_and_says_so(recsys, trained):
    newest = max((trained / "checkpoints").glob("epoch-*.npz"))
    newest.write_bytes(newest.read_bytes()[:-100])
    before = (trained / "test.json").read_bytes()
    result = recsys("train", f"resume={trained}")
    assert result.code == 0 and "damaged" in result.out and "going on with epoch-000003.npz" in result.out
    assert (trained / "test.json").read_bytes() == before


def test_no_valid_checkpoint_is_refused(recsys, trained):
    for path in (trained / "checkpoints").glob("*.npz"):
        path.write_bytes(b"")
    for command in (["train", f"resume={trained}"], ["evaluate", f"run={trained}"]):
        result = recsys(*command)
        assert result.code == 2 and "no valid checkpoint" in result.err


def test_a_run_that_stopped_before_its_first_save_starts_again(recsys, trained):
    before = (trained / "test.json").read_bytes()
    for path in (trained / "checkpoints").iterdir():
        path.unlink()
    result = recsys("train", f"resume={trained}")
    assert result.code == 0 and "after epoch 0" in result.out
    assert (trained / "test.json").read_bytes() == before


def test_resume_refuses_fewer_epochs_than_were_done(recsys, trained):
    result = recsys("train", f"resume={trained}", "trainer.epochs=1")
    assert result.code == 2 and "has 4 epochs behind it" in result.err and "recsys evaluate" in result.err


def test_resume_refuses_other_data(recsys, trained):
    record = record_of(trained) | {"data_hash": "0" * 64}
    (trained / "record.json").write_text(json.dumps(record))
    result = recsys("train", f"resume={trained}")
    assert result.code == 2 and "was trained on other data" in result.err


def unreachable(*args, **kwargs):
    raise OSError("no network in tests")


@pytest.mark.parametrize(
    "words,text",
    [
        (["evaluation.k=[5,181]"], "cut-off 181 is not between 1 and 180"),
        (["evaluation.exclude_auxiliary=true", "data.behaviours=[buy]"], "no behaviour besides the target"),
        (["device=gpu"], "sees no GPU"),
        (["run_dir=/proc/nowhere"], "cannot make the run directory"),
    ],
)
def test_refused_in_one_sentence(recsys, words, text, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    result = recsys("train", *TINY, *words)
    assert result.code == 2 and result.err.startswith("recsys: error: ") and "Traceback" not in result.err
    assert text in result.err and "training pairs" not in result.out, "refused before any training"


def test_a_missing_raw_file_is_named_with_its_place_and_origin(recsys, tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    result = recsys("train", "data=ml-1m_ncf", f"data.raw_dir={tmp_path}", f"data.cache_dir={tmp_path}")
    assert result.code == 2 and "ml-1m.train.rating" in result.err and str(tmp_path) in result.err
