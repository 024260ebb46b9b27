"""`verify` agrees with an honest run and finds every kind of tampering; the search finds rows anywhere."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning.search import search
from tests.unlearning.harness import MODELS, log, recsys, train_run, write_pairs

PAIRS = log()[0][3:6]


def verify(run, capsys, *words) -> tuple[int, list[str]]:
    """Exit code, and the lines of the checks that failed."""
    code = recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words)
    return code, [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]


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


@pytest.mark.parametrize(
    "name, write",
    [
        ("a.csv", lambda file: file.write_text("user,item,score\nu7,5,0.1\nu7,1003,0.2\n")),
        ("b.txt", lambda file: file.write_text("u7 5 8 1003\n")),
        ("error.log", lambda file: file.write_text("ValueError: bad row ('u7', 1003)\n")),
        ("c.json", lambda file: file.write_text(json.dumps({"rows": [["u7", "1003"]]}))),
        (
            "d.npz",
            lambda file: np.savez(
                file, users=np.array(["x", "u7"]), items=np.array([2, 1003]), score=np.ones(2)
            ),
        ),
        ("e.npy", lambda file: np.save(file, np.array([["u7", "1003"]]))),
        ("old/sub/f.tsv", lambda file: file.write_text("u7\t1003\n")),
    ],
)
def test_the_search_finds_a_row(tmp_path, name, write):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file)
    assert search(tmp_path, "pairs", [("u9", "1"), ("u7", "1003")]).holding == [file]
    assert search(tmp_path, "pairs", [("u7", "100"), ("u70", "1003")]).holding == []


def test_the_search_reads_prepared_data_and_names_what_it_cannot_read(run, tmp_path):
    data = next((tmp_path / "cache" / "prepared").iterdir())
    assert search(tmp_path / "cache", "pairs", PAIRS[:1]).holding == [data]
    assert search(tmp_path / "cache", "users", [("nobody",)]).holding == []
    assert search(tmp_path / "cache", "items", [(PAIRS[0][1],)]).holding == [data]
    (tmp_path / "cache" / "events.bin").write_bytes(b"\0\1")
    assert search(tmp_path / "cache", "pairs", PAIRS[:1]).unread == [tmp_path / "cache" / "events.bin"]
