"""No link in a run is followed, nothing is deleted or written through one; another config is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.unlearning.conftest import PAIRS, problems
from tests.unlearning.harness import contents, recsys, write_pairs


@pytest.fixture
def outside(tmp_path) -> Path:
    """Numbered folders and request files of somebody else."""
    folder = tmp_path / "outside"
    for name in ("0", "7", "3.partial", "1.partial"):
        (folder / name).mkdir(parents=True)
        (folder / name / "precious.partial").write_text("x")
    (folder / "0.json").write_text("{}")
    return folder


def everything(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


@pytest.mark.parametrize(
    "words",
    [["forget", "discard=true"]]
    + [pytest.param(words, marks=pytest.mark.slow) for words in (["discard=true"], ["forget"], ["verify=true"])],
)
@pytest.mark.parametrize(
    "place", ["generations", "current", "requests", "generations/1.partial", "verifying", "current/shards"]
)
def test_nothing_happens_through_a_link(run, outside, tmp_path, place, words, capsys):
    before, real = everything(outside), run / place
    if place == "current":
        real.unlink()
    elif place == "current/shards":
        real = real.resolve()
    if real.exists() and place != "current":
        real.rename(tmp_path / "moved")
    real.symlink_to(tmp_path / "moved" if place == "current/shards" else outside)
    forget = f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}"
    code = recsys("unlearn", f"run={run}", "device=cpu", *(forget if word == "forget" else word for word in words))
    message = capsys.readouterr().err
    assert everything(outside) == before
    if place in ("generations", "current", "requests", "current/shards"):
        assert code in (1, 2) and message.count("\n") <= 1 and "Traceback" not in message


@pytest.mark.parametrize(
    "target", ["generations/../elsewhere", "generations/0/", "/tmp", "generations/00", "elsewhere"]
)
def test_the_current_state_is_one_of_this_run(run, target, capsys):
    shutil.copytree(run / "generations" / "0", run / "elsewhere")
    (run / "current").unlink()
    os.symlink(target, run / "current")
    for command in ("unlearn", "evaluate"):
        assert recsys(command, f"run={run}", "device=cpu", *(["verify=true"] if command == "unlearn" else [])) == 2
        assert f"leads to {target}, and not to a folder generations/N" in capsys.readouterr().err


def test_links_left_in_a_state_that_is_built_are_removed(run, outside, tmp_path):
    partial, before = run / "generations" / "1.partial", everything(outside)
    (partial / "shards").mkdir(parents=True)
    (partial / "shards" / "0").symlink_to(outside)
    (partial / "rows").symlink_to(outside)
    forget = write_pairs(tmp_path / "f.csv", PAIRS)
    assert recsys("unlearn", f"run={run}", f"forget={forget}", "verify=true", "device=cpu") == 0
    assert everything(outside) == before and not (run / "current" / "rows").is_symlink()


def test_links_elsewhere_in_the_run_are_named(run, outside):
    (run / "link.csv").symlink_to(outside / "0.json")
    (run / "folder").symlink_to(outside)
    (problem,) = problems(run, [])
    assert "link.csv" in problem and "/folder" in problem


@pytest.mark.parametrize("old, new", [("seed: 0", "seed: 1"), ("batch_size: 8", "batch_size: 9")])
def test_another_config_is_refused_before_anything_is_done(run, tmp_path, old, new, capsys):
    config = (run / "config.yaml").read_text()
    assert f"\n{old}" in config or f" {old}" in config
    (run / "config.yaml").write_text(config.replace(old, new))
    before = contents(run / "current")
    forget = f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}"
    for command, words in (
        ("unlearn", [forget]),
        ("unlearn", [forget, "later=true"]),
        ("unlearn", ["repartition=true"]),
        ("unlearn", ["discard=true"]),
        ("evaluate", []),
    ):
        assert recsys(command, f"run={run}", "device=cpu", *words) == 2
        assert "config.yaml is not the one whose SHA-256 the ledger names" in capsys.readouterr().err
    assert contents(run / "current") == before and not (run / "requests").exists()
