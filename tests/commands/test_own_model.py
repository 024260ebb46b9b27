"""A model of one's own is one file and one config in a folder named by --config-dir."""

from __future__ import annotations

import pytest

from tests.commands.conftest import TINY

CODE = """
from recsys_cli.models.factorization import MatrixFactorization


class Mine(MatrixFactorization):
    name = "mine"
"""
CONFIG = "defaults: [enmf, _self_]\nname: mine\n_target_: {}\n"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes module and config into a folder of the person's, away from where the program is called; its path."""
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")

    def write(file="mine.py", code=CODE, target="mine.Mine") -> str:
        folder = tmp_path / "own"
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(code)
        (folder / "model" / "mine.yaml").write_text(CONFIG.format(target))
        return str(folder)

    return write


@pytest.mark.parametrize("file, target", [("mine.py", "mine.Mine"), ("models/mine.py", "models.mine.Mine")])
def test_it_is_found_without_pythonpath_and_taken_up_again(recsys, own, tmp_path, monkeypatch, file, target):
    folder, run = own(file, target=target), tmp_path / "run"
    result = recsys("train", "--config-dir", folder, "model=mine", *TINY, f"run_dir={run}")
    assert result.code == 0, result.err
    again = recsys("evaluate", "--config-dir", folder, f"run={run}")
    assert again.code == 0, again.err
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
    result = recsys("evaluate", f"run={run}")
    assert result.code == 2 and f"{target} is neither" in result.err and "--config-dir" in result.err


def test_it_hides_no_other_module(recsys, own, tmp_path):
    folder = own("json.py", target="json.Mine")
    assert recsys("train", "--config-dir", folder, "model=mine", *TINY, f"run_dir={tmp_path / 'run'}").code == 0
    import json

    assert not hasattr(json, "Mine")


@pytest.mark.parametrize("code", ["import no_such_module", "class Other: pass", "def broken("])
def test_what_is_wrong_with_its_file_is_said(recsys, own, tmp_path, code):
    folder = own(code=code)
    result = recsys("train", "--config-dir", folder, "model=mine", *TINY, f"run_dir={tmp_path / 'run'}")
    assert result.code == 2 and "model._target_=mine.Mine cannot be imported" in result.err
    assert "mine.py" in result.err and result.err.count("\n") == 1
