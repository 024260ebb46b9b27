"""Files of a run beside its current state: the program's own pass where no row is in them, all others fail by name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from recsys_cli.unlearning import trained_again as module
from recsys_cli.unlearning.verify import Asked, checks
from tests.unlearning.conftest import PAIRS, problems, receipt_of, verify
from tests.unlearning.harness import log, recsys, write_pairs

pytestmark = pytest.mark.slow  # every test of it has a run of its own

PLANTED = {
    "rows/data/backup.csv": b"x,1\n",
    "shards/0/vectors.old.npz": b"PK",
    "shards/7/vectors.npz": b"PK",
    "aggregation/parameters.old.npz": b"PK",
    "../backup/vectors.npz": b"PK",
    "../9.partial/rows/a.csv": b"x,1\n",
    "../../checkpoints/epoch-000001.npz": b"PK",
    "../../old.pkl": b"\x80\x04",
    "../../record.json": b"\0",
    "../../tensorboard/events.out.tfevents.1": b"\0",
    "../../metrics.jsonl": b"{}\n",
    "../../notes.txt": b"hello\n",
    "../../carol-again.json": b"{}",
    "../../test-again_per_user.npz": b"PK",
}


def test_files_that_do_not_belong_are_named(forgotten):
    for name, content in PLANTED.items():
        file = (forgotten / "current").resolve() / name
        before = file.read_bytes() if file.exists() else None
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        found = problems(forgotten, [])
        assert len(found) == 1 and "foreign: " in found[0] and file.name in found[0], (name, found)
        if before is not None:
            file.write_bytes(before)
            continue
        file.unlink()
        while not any((file := file.parent).iterdir()):
            file.rmdir()


def test_a_used_run_passes(run, tmp_path, capsys):
    """With all that the program itself writes into a run, and ids that occur in such files as numbers."""
    words = receipt_of(run, [(log()[0][0][0],)], tmp_path / "u.csv", capsys, "user")
    assert recsys("evaluate", f"run={run}", "device=cpu") == 0
    before = sorted(run.rglob("*"))
    assert verify(run, capsys, *words) == (0, []) and sorted(run.rglob("*")) == before
    for number in ("0", "1", "2", "3", "4", "16"):
        asked = [("users", [(number,)]), ("items", [(number,)]), ("pairs", [(number, "2")])]
        assert problems(run, asked) == []


@pytest.mark.parametrize(
    "name, content",
    [
        ("record.json", {"status": "finished", "rows": ["{0}", "{1}"]}),
        ("record.json", {"status": "{0} {1}"}),
        ("record.json", {"environment": {"machine": "{0}!", "user_{0}": "item {1}."}}),
        ("record.json", {"started": "{0} {1}"}),
        ("evaluations/test-again.json", {"split": "test", "protocol": {}, "metrics": {"{0}": {"mean": "{1}"}}}),
        ("evaluations/test-again.json", {"{1}": 1, "metrics": {"{0}": {"mean": 0.5, "low": None, "high": None}}}),
    ],
)
def test_a_row_in_a_file_of_a_known_name_is_found(run, tmp_path, capsys, name, content):
    words = receipt_of(run, PAIRS, tmp_path / "f.csv", capsys)
    user, item = PAIRS[0]
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_text(json.dumps(content).replace("{0}", user.upper()).replace("{1}", item))
    code, failed = verify(run, capsys, *words)
    assert code == 1 and failed and all(name in line for line in failed)


def test_names_of_metrics_in_values_of_users_are_not_free(run, capsys):
    import numpy as np

    (run / "evaluations").mkdir()
    np.savez(run / "evaluations/test-again_per_user.npz", user=np.array([0, 1]), **{"u7 1003": np.ones(2)})
    assert any("test-again_per_user.npz" in problem for problem in problems(run, []))
    np.savez_compressed(run / "evaluations/test-again_per_user.npz", user=np.arange(9), HR=np.zeros(9))
    assert any("test-again_per_user.npz" in problem for problem in problems(run, [])), "it may be larger than it looks"


def test_what_is_attached_to_a_file_is_found(run):
    try:
        os.setxattr(run / "record.json", "user.note", b"u7")
    except OSError:
        pytest.skip("not on this file system")
    assert any("record.json" in problem for problem in problems(run, []))


@pytest.mark.parametrize("place", ["pipe", "current/rows/pipe", "current/shards/1/vectors.npz", "record.json"])
def test_a_pipe_is_named_and_never_opened(run, place, capsys):
    config, path = OmegaConf.load(run / "config.yaml"), run / place
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    found = [check.problem for check in checks(run, config, Asked(shards="one")) if check.problem]
    assert len(found) == 1 and path.name in found[0]


def test_a_large_file_is_not_read_into_memory(run):
    """It has no lines, and on the disk nothing but its length."""
    import tracemalloc

    for name in ("record.json", "current/test.json"):
        with open(run / name, "wb") as stream:
            stream.truncate(1 << 28)
        config = OmegaConf.load(run / "config.yaml")
        tracemalloc.start()
        found = [check.problem for check in checks(run, config, Asked(shards="one")) if check.problem]
        assert any(Path(name).name in problem for problem in found)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
        tracemalloc.stop()


def test_empty_folders_are_named_too(run):
    (run / "carol").mkdir()
    (run / "requests").mkdir()
    (problem,) = problems(run, [])
    assert "/carol;" in problem and "requests" not in problem


def test_training_again_happens_in_the_run_and_leaves_nothing(forgotten, tmp_path, capsys, monkeypatch):
    run = forgotten
    places = []
    train = module.train_shards
    monkeypatch.setattr(module, "train_shards", lambda path, *more: places.append(path) or train(path, *more))
    killed = run / "verifying" / "rows"
    killed.mkdir(parents=True)
    write_pairs(killed / "a.csv", PAIRS)
    assert problems(run, [("pairs", PAIRS)]) == [] and not killed.parent.exists()
    assert places == [run / "verifying"]
    killed.mkdir(parents=True)
    receipt_of(run, log()[0][7:8], tmp_path / "g.csv", capsys)
    assert not killed.parent.exists()


def test_forgetting_and_verifying_in_one_call(run, tmp_path, capsys):
    write_pairs(run / "notes.csv", PAIRS[:1])
    code, failed = verify(run, capsys, f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}")
    assert code == 1 and len(failed) == 1 and "foreign: " in failed[0] and "notes.csv" in failed[0]
