"""A run knows what it was made with: config, data, code, versions, instruction set; and it stands alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from recsys_cli.training import checkpoint as ckpt
from tests.commands.conftest import TINY, record_of


def replace_in_config(run, before: str, after: str) -> None:
    text = (run / "config.yaml").read_text()
    assert before in text
    (run / "config.yaml").write_text(text.replace(before, after))


def test_record_and_checkpoints_name_what_the_run_was_made_with(trained):
    record, (checkpoint, _) = record_of(trained), ckpt.load_newest(trained / "checkpoints")
    identity = checkpoint.header["identity"]
    assert identity["data_hash"] == record["data_hash"] and identity["config_hash"] == record["config_hash"]
    for key in ("python", "tensorflow", "numpy", "code", "instruction_set"):
        assert identity[key] == record["environment"][key] != ""


@pytest.mark.parametrize(
    "before, after", [("learning_rate: 0.05", "learning_rate: 0.06"), ("seed: 0\nruns", "seed: 1\nruns")]
)
def test_a_changed_config_is_not_resumed(recsys, trained, before, after):
    replace_in_config(trained, before, after)
    result = recsys("train", f"resume={trained}", "trainer.epochs=6")
    assert result.code == 2 and "config.yaml is not the config that" in result.err
    assert "not the config that" in recsys("evaluate", f"run={trained}").out


def test_where_how_long_and_how_a_run_is_scored_may_change(recsys, trained):
    for before, after in (
        ("progress: false", "progress: true"),
        ("checkpoint_every: 1", "checkpoint_every: 2"),
        ("bootstrap: 20", "bootstrap: 10"),
        (f"run_dir: {record_dir(trained)}", "run_dir: elsewhere"),
    ):
        replace_in_config(trained, before, after)
    assert recsys("train", f"resume={trained}", "trainer.epochs=6", "device=cpu").code == 0


def record_dir(run) -> str:
    return next(line for line in (run / "config.yaml").read_text().splitlines() if "run_dir" in line).split()[1]


def test_checkpoints_of_another_run_are_refused(recsys, trained, tmp_path):
    other = tmp_path / "other"
    assert recsys("train", *TINY, "seed=5", f"run_dir={other}").code == 0
    shutil.rmtree(trained / "checkpoints")
    shutil.copytree(other / "checkpoints", trained / "checkpoints")
    result = recsys("train", f"resume={trained}", "trainer.epochs=6")
    assert result.code == 2 and "the checkpoint is of another run" in result.err


def test_the_best_checkpoint_of_another_run_is_refused(recsys, tmp_path):
    runs = [tmp_path / name for name in ("one", "other")]
    for run, seed in zip(runs, (0, 1)):
        words = [*TINY, "evaluation.select=best_validation", f"seed={seed}", f"run_dir={run}"]
        assert recsys("train", *words).code == 0
    for file in runs[0].glob("checkpoints/best-*"):
        file.unlink()
    for file in runs[1].glob("checkpoints/best-*"):
        shutil.copy(file, runs[0] / "checkpoints")
    result = recsys("train", f"resume={runs[0]}", "trainer.epochs=6")
    assert result.code == 2 and "the checkpoint is of another run" in result.err


def test_a_deleted_record_does_not_drop_the_check_of_the_data(recsys, trained, tmp_path):
    (trained / "record.json").unlink()
    checkpoint, _ = ckpt.load_newest(trained / "checkpoints")
    header = {**checkpoint.header, "identity": checkpoint.header["identity"] | {"data_hash": "0" * 64}}
    ckpt.save(checkpoint.path, checkpoint.arrays, header)
    for words in (["train", f"resume={trained}", "trainer.epochs=6"], ["evaluate", f"run={trained}"]):
        result = recsys(*words)
        assert result.code == 2 and "was trained on other data" in result.err


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("code_hash", "0" * 64, "program code"),
        ("instruction_set", "x86_64 avx512_made_up", "vector instructions there only:"),
    ],
)
def test_other_code_or_instructions_are_said_in_one_sentence(recsys, trained, monkeypatch, name, value, text):
    from recsys_cli.runs import identity

    monkeypatch.setattr(identity, name, lambda: value)
    for words in (["evaluate", f"run={trained}"], ["train", f"resume={trained}", "trainer.epochs=5"]):
        result = recsys(*words)
        warnings = [line for line in result.out.splitlines() if line.startswith("warning: ")]
        assert result.code == 0 and len(warnings) == 1 and text in warnings[0], result.out + result.err
    assert text in record_of(trained)["resumed_with_other"]


def test_another_version_of_a_library_is_said(recsys, trained, monkeypatch):
    from recsys_cli.runs import identity

    monkeypatch.setattr(identity.metadata, "version", lambda package: "9.9")
    out = recsys("evaluate", f"run={trained}").out
    assert "TensorFlow" in out and "NumPy" in out and "(here 9.9)" in out


def test_the_limit_of_the_instruction_set_is_part_of_it(monkeypatch):
    from recsys_cli.runs.environment import instruction_set

    before = instruction_set()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert instruction_set() == f"{before} ONEDNN_MAX_CPU_ISA=AVX2"


@pytest.fixture
def own_data(recsys, tmp_path, monkeypatch):
    """A run on a CSV file that is named by relative paths."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    random = np.random.default_rng(0)
    pairs = sorted({(int(u), int(i)) for u, i in zip(random.integers(0, 30, 400), random.integers(0, 40, 400))})
    (home / "log.csv").write_text("user,item\n" + "".join(f"u{u},i{i}\n" for u, i in pairs))
    words = [w for w in TINY if not w.startswith("data")]
    data = ["data=csv", "data.path=log.csv", "data.cache_dir=cache", "data.split=leave_one_out_random"]
    result = recsys("train", *words, *data, "run_dir=run")
    assert result.code == 0, result.err
    return home


def test_a_run_is_taken_up_from_anywhere_and_without_its_raw_file(recsys, own_data, tmp_path, monkeypatch):
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    (own_data / "log.csv").unlink()
    run = own_data / "run"
    for words in (
        ["evaluate", f"run={run}"],
        ["recommend", f"run={run}", "k=3"],
        ["train", f"resume={run}", "trainer.epochs=6"],
    ):
        result = recsys(*words)
        assert result.code == 0, result.err
    assert [path.name for path in (tmp_path / "away").iterdir()] == ["recommendations.csv"]


def test_a_run_is_taken_up_with_the_cache_of_another_place(recsys, own_data, tmp_path, monkeypatch):
    """As after a move to another machine: neither the raw file nor the cache lie where they lay."""
    monkeypatch.chdir(tmp_path)
    (own_data / "cache").rename(tmp_path / "moved")
    (own_data / "log.csv").unlink()
    run = own_data / "run"
    assert recsys("evaluate", f"run={run}", f"data.cache_dir={tmp_path / 'moved'}").code == 0
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "moved"))
    assert recsys("recommend", f"run={run}", "k=3").code == 0


def test_other_bytes_in_the_raw_file_are_noticed_where_the_cache_is_gone(recsys, own_data, monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "empty"))
    shutil.rmtree(own_data / "cache")
    assert recsys("evaluate", "run=run").code == 0, "prepared again from the same bytes"
    shutil.rmtree(tmp_path / "empty")
    with open(own_data / "log.csv", "a") as stream:
        stream.write("u0,i99\n")
    for words in (["evaluate", "run=run"], ["train", "resume=run", "trainer.epochs=6"]):
        result = recsys(*words)
        assert result.code == 2 and "was trained on other data" in result.err


def test_more_epochs_are_kept_so_that_a_plain_resume_does_not_train_past_them(recsys, trained):
    assert recsys("train", f"resume={trained}", "trainer.epochs=6").code == 0
    assert "  epochs: 6\n" in (trained / "config.yaml").read_text()
    before = (trained / "test.json").read_bytes()
    result = recsys("train", f"resume={trained}")
    assert result.code == 0 and "after epoch 6" in result.out and (trained / "test.json").read_bytes() == before
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_a_solved_model_can_be_resumed_after_its_end(recsys, tmp_path):
    words = [w for w in TINY if not w.startswith("model.")]
    assert recsys("train", *words, "model=ease", f"run_dir={tmp_path / 'run'}").code == 0
    assert recsys("train", f"resume={tmp_path / 'run'}").code == 0
