"""`verify` agrees with an honest run and finds every kind of tampering and damage."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load, save
from tests.unlearning.conftest import PAIRS, problems, receipt_of, verify
from tests.unlearning.harness import MODELS, recsys, train_run, write_pairs

pytestmark = pytest.mark.slow  # every test of it has a run of its own


def test_an_honest_run_passes(forgotten, capsys):
    assert verify(forgotten, capsys, "verify_shards=all") == (0, [])


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
    resigned(run, lambda ledger: ledger["shards"][1].update(vectors=hashlib.sha256(path.read_bytes()).hexdigest()))


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
    "the number of shards": (
        lambda run: resigned(run, lambda l: l["shards"].pop()),
        "another number of shards",
    ),
    "the result": (lambda run: (run / "test.json").resolve().write_text("{}"), "test.json was changed"),
    "values of users": (
        lambda run: (run / "test_per_user.npz").resolve().unlink(),
        "test_per_user.npz is missing",
    ),
    "what a shard was made from": (
        lambda run: (run / "current" / "shards" / "1" / "inputs.json").write_text('{"rows": "old"}'),
        "inputs.json: it was made from other rows",
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
    "ledger.json",
    "ledger.sha256",
    "test.json",
    "rows/inputs.json",
    "rows/assignment.npz",
    "rows/data/manifest.json",
    "rows/data/user_ids.npy",
    "shards/1/metrics.jsonl",
    "shards/1/origin.json",
    "shards/1/inputs.json",
    "shards/1/vectors.npz",
    "shards/1/vectors.sha256",
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


def test_pending_requests_are_mentioned_and_searched(run, tmp_path, capsys):
    words = receipt_of(run, PAIRS[:1], tmp_path / "f.csv", capsys)
    later = write_pairs(tmp_path / "g.csv", PAIRS[1:])
    assert recsys("unlearn", f"run={run}", f"forget={later}", "later=true", "device=cpu") == 0
    capsys.readouterr()
    assert recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words) == 0
    assert f"1 pending: recsys unlearn run={run} carries them out" in capsys.readouterr().out
    for kind, rows in (("pairs", PAIRS[1:]), ("users", [PAIRS[1][:1]]), ("items", [PAIRS[1][1:]])):
        assert any("/run/requests/" in problem for problem in problems(run, [(kind, rows)]))
    assert not any("/run/requests/" in problem for problem in problems(run, [("users", [("2026",), ("pairs",)])]))
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


def test_a_receipt_needs_its_file(run, capsys):
    assert recsys("unlearn", f"run={run}", "receipt=ab", "device=cpu") == 2
    assert "add forget=FILE" in capsys.readouterr().err
