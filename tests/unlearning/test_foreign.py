"""Files of a run beside its current state: the program's own pass, all others are named or searched."""

from __future__ import annotations

import pytest

from recsys_cli.unlearning import verify as module
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
        file.unlink() if before is None else file.write_bytes(before)


def tensorboard(run) -> None:
    from recsys_cli.training.fit import Progress
    from recsys_cli.training.reporter import Reporter

    reporter = Reporter(1, Progress(), bar=False, monitor=None, tensorboard=run / "tensorboard")
    reporter._scalars(1, {"loss": 0.5, "HR@10": 0.1})
    reporter.close()


def test_a_used_run_passes(run, tmp_path, capsys):
    """With all that the program itself writes into a run, and ids that occur in such files as numbers."""
    words = receipt_of(run, [(log()[0][0][0],)], tmp_path / "u.csv", capsys, "user")
    assert recsys("evaluate", f"run={run}", "device=cpu") == 0
    tensorboard(run)
    (run / "metrics.jsonl").write_text('{"epoch": 1, "loss": 0.5, "seconds": 2.0, "HR@10": 0.25}\n')
    before = sorted(run.rglob("*"))
    assert verify(run, capsys, *words) == (0, []) and sorted(run.rglob("*")) == before
    for number in ("0", "1", "2", "3", "4", "16"):
        asked = [("users", [(number,)]), ("items", [(number,)]), ("pairs", [(number, "2")])]
        assert problems(run, asked) == []


@pytest.mark.parametrize(
    "name, text",
    [
        ("metrics.jsonl", '{"user": "%s", "item": %s}\n'),
        ("record.json", '{"status": "finished", "rows": ["%s", "%s"]}'),
        ("test-again.json", '{"split": "test", "users": 1, "protocol": {}, "metrics": {"%s": {"mean": "%s"}}}'),
        ("notes.txt", "%s: %s\n"),
    ],
)
def test_a_row_in_a_file_of_a_known_name_is_found(run, tmp_path, capsys, name, text):
    words = receipt_of(run, PAIRS, tmp_path / "f.csv", capsys)
    (run / name).write_text(text % PAIRS[0])
    code, failed = verify(run, capsys, *words)
    assert code == 1 and len(failed) == 1 and "holds any of the 3" in failed[0] and name in failed[0]


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
    assert code == 1 and len(failed) == 1
    assert "holds any of the 3 forgotten pairs" in failed[0] and "notes.csv" in failed[0]
