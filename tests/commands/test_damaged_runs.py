"""Damage to any file of a run is answered in a sentence, and a kill while one is rewritten loses nothing."""

from __future__ import annotations

import io
import json
import os
from hashlib import sha256

import numpy as np
import pytest

from recsys_cli.runs.metrics_log import MetricsLog
from recsys_cli.training import checkpoint as ckpt

DAMAGE = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "zeros": lambda whole: bytes(len(whole)),
    "bytes": lambda whole: b"\xff\xfe" + whole,
    "list": lambda whole: b"[1, 2]\n",
    "nothing": lambda whole: b"",
    "nested": lambda whole: b"[" * 5000,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_config_is_refused(recsys, trained, damage):
    file = trained / "config.yaml"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    for words in (["train", f"resume={trained}"], ["evaluate", f"run={trained}"], ["recommend", f"run={trained}"]):
        result = recsys(*words)
        assert result.code == 2 and "config.yaml" in result.err and result.err.count("\n") == 1, result.err


@pytest.mark.parametrize(
    "before, after, key",
    [
        ("embedding_size: 8", "embedding_size: wide", "model.embedding_size"),
        ("batch_size: 16", "batch_size: -1", "trainer.batch_size"),
        ("seed: 0\nruns", "seed: x\nruns", "not the config of a run"),
        ("target: buy", "target: [buy]", "data.target"),
    ],
)
def test_a_value_that_no_run_can_have_is_named(recsys, trained, before, after, key):
    text = (trained / "config.yaml").read_text()
    assert before in text
    (trained / "config.yaml").write_text(text.replace(before, after))
    result = recsys("evaluate", f"run={trained}")
    assert result.code == 2 and key in result.err, result.err


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_costs_nothing_but_itself(recsys, trained, damage):
    file = trained / "record.json"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert recsys("evaluate", f"run={trained}").code == 0
    assert recsys("train", f"resume={trained}", "trainer.epochs=5").code == 0
    assert json.loads(file.read_text())["status"] == "finished"


@pytest.mark.parametrize("line", ["{", "[1]", '{"epoch": "1"}', '{"epoch": 1, "seconds": "x"}', "1", "\udcff"])
def test_a_damaged_line_of_the_metrics_is_named(recsys, trained, line):
    file = trained / "metrics.jsonl"
    rows = file.read_text().splitlines()
    rows[1] = line
    file.write_text("\n".join(rows) + "\n", errors="surrogateescape")
    result = recsys("train", f"resume={trained}", "trainer.epochs=5")
    assert result.code == 2 and "metrics.jsonl" in result.err and result.err.count("\n") == 1
    file.unlink()
    assert recsys("train", f"resume={trained}", "trainer.epochs=5").code == 0, "as the message says"


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


HEADERS = {
    "no header": {},
    "no JSON": {ckpt.HEADER: np.zeros(3, np.uint8)},
    "a list": {ckpt.HEADER: np.frombuffer(b"[1]", np.uint8)},
    "nothing in it": {ckpt.HEADER: np.frombuffer(b"{}", np.uint8)},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_checkpoint_of_something_else_is_refused(recsys, trained, what):
    for file in (trained / "checkpoints").glob("*.npz"):
        with np.load(file) as archive:
            arrays = {name: archive[name] for name in archive.files if name != ckpt.HEADER}
        file.write_bytes(payload := npz(**arrays, **HEADERS[what]))
        file.with_suffix(".sha256").write_text(f"{sha256(payload).hexdigest()}  {file.name}\n")
    for words in (["train", f"resume={trained}"], ["evaluate", f"run={trained}"]):
        result = recsys(*words)
        assert result.code == 2 and "checkpoint" in result.err and result.err.count("\n") == 1, result.err


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_kill_while_the_metrics_are_rewritten_loses_no_epoch(tmp_path, monkeypatch, call):
    log = MetricsLog(tmp_path / "metrics.jsonl", 0)
    for epoch in (1, 2, 3):
        log.add(epoch, 0.5, 1.0, None)

    def cut(*args, **more):
        raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(os, call, cut)
        MetricsLog(tmp_path / "metrics.jsonl", 2)
    assert MetricsLog(tmp_path / "metrics.jsonl", 3).seconds == 3.0


def test_what_a_kill_left_half_written_goes_when_the_run_is_taken_up(recsys, trained):
    for name in ("checkpoints/epoch-000005.npz.ab12.partial", "record.json.ab12.partial"):
        (trained / name).write_bytes(b"half")
    assert recsys("train", f"resume={trained}").code == 0
    assert not list(trained.rglob("*.partial"))
