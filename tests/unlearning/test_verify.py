"""`verify` agrees with an honest run and finds every kind of tampering, damage and left-over rows."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning import verify as module
from tests.unlearning.harness import MODELS, log, recsys, train_run, write_pairs

PAIRS = log()[0][3:6]


def verify(run, capsys, *words) -> tuple[int, list[str]]:
    """Exit code, and the lines of the checks that failed."""
    code = recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words)
    return code, [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]


def config_of(run):
    from recsys_cli.training.run import Run

    return Run.open(run)[1]


def problems(run, forgotten) -> list[str]:
    return [check.problem for check in module.checks(run, config_of(run), every_shard=False, forgotten=forgotten)
            if check.problem]


@pytest.fixture
def forgotten(run, tmp_path):
    """The run after it has forgotten PAIRS."""
    assert (
        recsys("unlearn", f"run={run}", f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}", "device=cpu") == 0
    )
    return run


def test_an_honest_run_passes(forgotten, capsys):
    assert verify(forgotten, capsys, "verify_shards=all") == (0, [])


def test_forgetting_and_verifying_in_one_call(run, tmp_path, capsys):
    write_pairs(run / "notes.csv", PAIRS[:1])
    code, failed = verify(run, capsys, f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}")
    assert code == 1 and len(failed) == 1
    assert "holds any of the 3 forgotten pairs" in failed[0] and "notes.csv" in failed[0]


def resigned(run, change) -> None:
    """Changes the ledger and its checksum, as someone who knows the program would."""
    path = run / "ledger.json"
    ledger = json.loads(path.read_text())
    change(ledger)
    path = path.resolve()
    path.write_text(json.dumps(ledger))
    path.with_suffix(".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ledger.json\n")


def other_vectors(run) -> None:
    path = (run / "current").resolve() / "shards" / "1" / "vectors.npz"
    arrays = load(path).arrays
    path.unlink()
    save(path, {name: array + np.float32(1e-7) for name, array in arrays.items()}, {})
    resigned(
        run, lambda ledger: ledger["shards"][1].update(vectors=hashlib.sha256(path.read_bytes()).hexdigest())
    )


def flipped(run) -> None:
    path = (run / "current").resolve() / "rows" / "data" / "train.interaction.indices.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")


TAMPERED = {
    "the ledger itself": (lambda run: (run / "ledger.json").resolve().write_text("{}"), "was changed"),
    "a hash of rows": (
        lambda run: resigned(run, lambda l: l["shards"][0].update(sha256="0" * 64)),
        "the hash of its rows",
    ),
    "a number of pairs": (
        lambda run: resigned(run, lambda l: l["shards"][2].update(pairs=1)),
        "the number of its pairs",
    ),
    "a seed": (lambda run: resigned(run, lambda l: l["shards"][0].update(seed=1)), "its seed"),
    "a version": (lambda run: resigned(run, lambda l: l["shards"][0].update(code="x")), "its code version"),
    "the seed": (lambda run: resigned(run, lambda l: l.update(seed=7)), "another seed or method"),
    "the number of shards": (lambda run: resigned(run, lambda l: l["shards"].pop()), "another number of shards"),
    "the result": (lambda run: (run / "test.json").resolve().write_text("{}"), "test.json was changed"),
    "values of users": (
        lambda run: (run / "test_per_user.npz").resolve().unlink(),
        "test_per_user.npz is missing",
    ),
    "the aggregation": (
        lambda run: (run / "config.yaml").write_text(
            (run / "config.yaml").read_text().replace("aggregation: mean", "aggregation: static")
        ),
        "config.yaml was changed",
    ),
    "the data": (
        lambda run: resigned(run, lambda l: l.update(data="0" * 64)),
        "is not what the ledger names",
    ),
    "a row": (flipped, "was changed or is damaged"),
    "the settings": (
        lambda run: (run / "config.yaml").write_text(
            (run / "config.yaml").read_text().replace("batch_size: 8", "batch_size: 9")
        ),
        "the settings of the run",
    ),
    "vectors, with the ledger": (
        other_vectors,
        "vectors.npz trained again gives the same bytes: they differ",
    ),
    "an old state": (lambda run: shutil.copytree(run / "current", run / "generations" / "0"), "foreign: "),
    "an old checkpoint": (
        lambda run: (run / "current" / "shards" / "0" / "old.npz").write_bytes(b"x"),
        "old.npz",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_found(forgotten, capsys, what):
    change, message = TAMPERED[what]
    change(forgotten)
    capsys.readouterr()
    code, failed = verify(forgotten, capsys, "verify_shards=all")
    assert code == 1 and message in " ".join(failed)


def test_a_run_that_was_really_trained(tmp_path, capsys):
    run = train_run(tmp_path, "unlearning=receraser", "unlearning.shards=2", *MODELS["enmf"])
    capsys.readouterr()
    assert verify(run, capsys, "verify_shards=all") == (0, [])




DAMAGED = [
    "ledger.json", "ledger.sha256", "test.json", "rows/inputs.json", "rows/assignment.npz",
    "rows/data/manifest.json", "rows/data/user_ids.npy", "shards/1/metrics.jsonl", "shards/1/origin.json",
    "shards/1/inputs.json", "shards/1/vectors.npz", "shards/1/vectors.sha256",
]


def test_damage_is_a_failed_check(forgotten):
    for name in DAMAGED:
        path = (forgotten / "current").resolve() / name
        whole = path.read_bytes()
        for content in (b"", b"\xff\xfe{", b"{}", None):
            path.write_bytes(content) if content is not None else path.unlink()
            found = problems(forgotten, [("pairs", PAIRS)])
            assert any(path.name in p or path.stem in p for p in found), (name, content, found)
            assert not any("\n" in problem for problem in found)
        path.write_bytes(whole)
    assert problems(forgotten, [("pairs", PAIRS)]) == []


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


def receipt_of(run, rows, file, capsys, header="user,item") -> list[str]:
    """Forgets the rows; the words that verify the request."""
    assert recsys("unlearn", f"run={run}", f"forget={write_pairs(file, rows, header)}", "device=cpu") == 0
    return [f"forget={file}", "receipt=" + capsys.readouterr().out.split("receipt ")[1].split(":")[0]]


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
        assert problems(run, [("users", [(number,)]), ("items", [(number,)]), ("pairs", [(number, "2")])]) == []


@pytest.mark.parametrize("name, text", [
    ("metrics.jsonl", '{"user": "%s", "item": %s}\n'),
    ("record.json", '{"status": "finished", "rows": ["%s", "%s"]}'),
    ("test-again.json", '{"split": "test", "users": 1, "protocol": {}, "metrics": {"%s": {"mean": "%s"}}}'),
    ("notes.txt", "%s: %s\n"),
])
def test_a_row_in_a_file_of_a_known_name_is_found(run, tmp_path, capsys, name, text):
    words = receipt_of(run, PAIRS, tmp_path / "f.csv", capsys)
    (run / name).write_text(text % PAIRS[0])
    code, failed = verify(run, capsys, *words)
    assert code == 1 and len(failed) == 1 and "holds any of the 3" in failed[0] and name in failed[0]


def test_pending_requests_are_mentioned_and_searched(run, tmp_path, capsys):
    words = receipt_of(run, PAIRS[:1], tmp_path / "f.csv", capsys)
    later = write_pairs(tmp_path / "g.csv", PAIRS[1:])
    assert recsys("unlearn", f"run={run}", f"forget={later}", "later=true", "device=cpu") == 0
    capsys.readouterr()
    assert recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words) == 0
    assert f"1 pending: recsys unlearn run={run} carries them out" in capsys.readouterr().out
    for kind, rows in (("pairs", PAIRS[1:]), ("users", [PAIRS[1][:1]]), ("items", [PAIRS[1][1:]])):
        assert any("requests" in problem for problem in problems(run, [(kind, rows)]))
    assert not any("requests" in problem for problem in problems(run, [("users", [("2026",), ("pairs",)])]))
    next((run / "requests").iterdir()).write_text('{"rows": [["')
    assert any("cannot be read: discard=true drops it" in problem for problem in problems(run, []))


def test_a_ledger_that_was_rewritten_differs_from_its_digest(run, tmp_path, capsys):
    forget = write_pairs(tmp_path / "f.csv", PAIRS)
    assert recsys("unlearn", f"run={run}", f"forget={forget}", "device=cpu") == 0
    digest = capsys.readouterr().out.split("ledger ")[1].split(":")[0]
    assert digest == hashlib.sha256((run / "ledger.json").read_bytes()).hexdigest()
    assert verify(run, capsys, f"ledger={digest}") == (0, [])
    resigned(run, lambda ledger: ledger.update(requests=[]))
    assert verify(run, capsys) == (0, []), "nothing else can tell"
    code, failed = verify(run, capsys, f"ledger={digest}")
    assert code == 1 and len(failed) == 1 and "it was rewritten" in failed[0]


def test_training_again_happens_in_the_run_and_leaves_nothing(run, tmp_path, capsys, monkeypatch):
    places = []
    train = module.train_shards
    monkeypatch.setattr(module, "train_shards", lambda path, *more: places.append(path) or train(path, *more))
    killed = run / "verifying" / "rows"
    killed.mkdir(parents=True)
    write_pairs(killed / "a.csv", PAIRS)
    assert verify(run, capsys) == (0, []) and not killed.parent.exists()
    assert places == [run / "verifying"]
    killed.mkdir(parents=True)
    assert recsys("unlearn", f"run={run}", f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}", "device=cpu") == 0
    assert not killed.parent.exists()


def test_a_receipt_needs_its_file(run, capsys):
    assert recsys("unlearn", f"run={run}", "receipt=ab", "device=cpu") == 2
    assert "add forget=FILE" in capsys.readouterr().err
