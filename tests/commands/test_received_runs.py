"""A run directory that a stranger sent is data: nothing in it runs, no link in it is followed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

COMMANDS = [["evaluate", "run"], ["recommend", "run"], ["train", "resume"], ["unlearn", "run"]]
ROOT = Path(__file__).resolve().parents[2]


def call(recsys, command, run, *words):
    name, key = command
    more = ["forget=x.csv"] if name == "unlearn" else []
    return recsys(name, f"{key}={run}", *more, *words)


def refused(result, *texts) -> None:
    assert result.code == 2 and result.err.startswith("recsys: error: "), result.out + result.err
    assert result.err.count("\n") == 1 and all(text in result.err for text in texts), result.err


def edit(run, change) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    change(config)
    (run / "config.yaml").write_text(yaml.safe_dump(config))


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "target", ["hydra.utils.instantiate", "pandas.read_pickle", "site.addsitedir", "payload.Model"]
)
def test_no_class_is_imported_because_a_run_names_it(recsys, trained, tmp_path, target, monkeypatch):
    touched = tmp_path / "touched"
    (tmp_path / "payload.py").write_text(f"open({str(touched)!r}, 'w')\nclass Model: pass\n")
    (tmp_path / "payload.pkl").write_bytes(pickle.dumps(Touch(touched)))
    monkeypatch.syspath_prepend(tmp_path)

    def change(config):
        nested = {"_target_": "numpy.load", "file": str(tmp_path / "payload.pkl"), "allow_pickle": True}
        config["model"] |= {"_target_": target, "config": nested}

    edit(trained, change)
    refused(call(recsys, COMMANDS[0], trained), f"{target} is neither")
    refused(call(recsys, COMMANDS[1], trained), f"{target} is neither")
    for file in (trained / "checkpoints").iterdir():  # before its first save, nothing tells that the config was changed
        file.unlink()
    refused(call(recsys, COMMANDS[2], trained), f"{target} is neither")
    assert not touched.exists()


@pytest.mark.parametrize("there", [True, False])
def test_no_module_of_the_folder_one_stands_in_is_imported(tmp_path, there):
    """As `recsys` does, so does `python -m recsys_cli` leave out that folder, unless it is the program's own."""
    for name in ("yaml", "numpy", "omegaconf", "signal"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\nraise SystemExit(9)\n")
    words = [sys.executable, "-m", "recsys_cli", "train", "--cfg", "job"]
    more = {} if there else {"PYTHONPATH": str(ROOT)}
    folder = ROOT if there else tmp_path
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=clean | more, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "seed: 0" in done.stdout, done.stderr
    assert not (tmp_path / "touched").exists()


def test_no_class_is_imported_from_the_working_directory(tmp_path):
    touched = tmp_path / "touched"
    (tmp_path / "payload.py").write_text(f"open({str(touched)!r}, 'w')\nclass Model: pass\n")
    code = "from recsys_cli.training.model_class import model_class; model_class('payload.Model')"
    env = os.environ | {"PYTHONPATH": str(ROOT)}  # python -c, as python -m, looks into the working directory first
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert "payload.Model is neither a model of this program" in done.stderr, done.stderr
    assert not touched.exists()


@pytest.mark.parametrize(
    "text",
    [
        "seed: ${oc.env:SECRET}",
        "run_dir: ${oc.decode:${oc.env:SECRET}}",
        "runs_dir: ${mine:}",
        "seed: !!python/object/apply:pathlib.Path.touch [touched]",
        "runs_dir: !!python/name:os.system",
        "tensorboard: *nothing",
        "seed: ???",
        "runs_dir: 2020-01-01",
    ],
)
def test_a_config_with_more_than_values_is_refused(recsys, trained, text, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET", "sesame")
    monkeypatch.chdir(tmp_path)
    key = text.partition(":")[0]
    lines = (trained / "config.yaml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(f"{key}:")]
    (trained / "config.yaml").write_text("\n".join([*kept, text]) + "\n")
    for command in COMMANDS:
        result = call(recsys, command, trained)
        refused(result, "config.yaml")
        assert "sesame" not in result.err
    assert not (tmp_path / "touched").exists()


LINKED = [
    ".lock", "config.yaml", "record.json", "metrics.jsonl", "checkpoints", "evaluations", "tensorboard", "test.json",
    "test_per_user.npz", "error.log",
]  # fmt: skip


@pytest.mark.parametrize("name", LINKED)
def test_no_link_is_followed(recsys, trained, tmp_path, name):
    outside = tmp_path / "outside"
    place = trained / name
    if place.exists():
        place.rename(outside)
    elif "." in name:
        outside.write_text("mine")
    else:
        outside.mkdir()
        (outside / "file").write_text("mine")
    before = content(outside)
    place.symlink_to(outside)
    for command in COMMANDS:
        refused(call(recsys, command, trained), name)
    assert content(outside) == before


def content(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file): file.read_bytes() for file in files}


def test_a_link_with_the_name_of_what_is_half_written_is_not_followed(recsys, trained, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (trained / "evaluations").mkdir()
    for name in ("record.json", "test-again.json", "evaluations/test-again.json", "metrics.jsonl"):
        (trained / f"{name}.partial").symlink_to(victim)
    assert recsys("evaluate", f"run={trained}").code == 0
    assert recsys("train", f"resume={trained}").code == 0
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["config.yaml", "record.json", ".lock", "checkpoints/epoch-000004.npz", "metrics.jsonl"]
)
def test_a_pipe_does_not_hang(recsys, trained, name):
    (trained / name).unlink()
    os.mkfifo(trained / name)
    result = recsys("train", f"resume={trained}")
    assert result.code in (0, 2) and "no regular file" in result.out + result.err
    assert (result.code == 0) == name.startswith("checkpoints")


def test_linked_checkpoints_are_passed_over(recsys, trained, tmp_path):
    newest = trained / "checkpoints" / "epoch-000004.npz"
    newest.rename(tmp_path / "elsewhere.npz")
    newest.symlink_to(tmp_path / "elsewhere.npz")
    result = recsys("evaluate", f"run={trained}")
    assert result.code == 0 and "no regular file" in result.out and "going on with epoch-000003.npz" in result.out


def test_a_pickle_with_a_fitting_checksum_is_no_checkpoint(recsys, trained, tmp_path):
    touched = tmp_path / "touched"
    payload = pickle.dumps(Touch(touched))
    for file in (trained / "checkpoints").glob("*.npz"):
        file.write_bytes(payload)
        file.with_suffix(".sha256").write_text(f"{sha256(payload).hexdigest()}  {file.name}\n")
    for command in COMMANDS[:3]:
        refused(call(recsys, command, trained), "is no checkpoint of this program")
    assert not touched.exists()


def test_prepared_data_are_written_into_ones_own_cache(recsys, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "mine"))
    edit(trained, lambda config: config["data"].update(cache_dir=str(tmp_path / "theirs")))
    assert recsys("evaluate", f"run={trained}").code == 0
    assert list((tmp_path / "mine" / "prepared").iterdir()) and not (tmp_path / "theirs").exists()
