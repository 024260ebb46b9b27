"""The example of docs/your_own_model.md, as a reader would type it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "your_own_model.md").read_text()


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "mixture.py").write_text(block("python"))
    (tmp_path / "mine" / "model" / "mixture.yaml").write_text(block("yaml"))
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine"


@pytest.mark.slow
def test_the_commands_of_the_page_run(recsys, mine):
    for command in block("bash").splitlines():
        result = recsys(*shlex.split(command)[1:])
        assert result.code == 0, result.err
    assert "HR" in result.out and (mine.parent / "runs" / "mixture" / "config.yaml").is_file()


def test_its_settings_are_known_before_it_is_imported(recsys, mine):
    (mine / "mixture.py").write_text("raise RuntimeError('imported')\n" + block("python"))
    words = "train", "--config-dir", str(mine), "model=mixture"
    text = recsys(*words, "--help").out
    assert "model.share=0.5" in text and "starting value of its share (a number >= 0)" in " ".join(text.split())
    assert "embedding_size: 32\n" in recsys(*words, "--cfg", "job").out
    result = recsys(*words, "model.shaer=1")
    assert result.code == 2 and "Did you mean 'model.share' (default 0.5)?" in result.err
    assert "expected a number >= 0, received -1" in recsys(*words, "model.share=-1").err


def test_a_model_is_made_from_its_class_alone():
    from recsys_cli.data.dataset import CSR, Dataset

    space: dict = {"__name__": __name__}
    exec(block("python"), space)
    pairs = CSR.from_pairs(np.array([0, 1]), np.array([1, 2]), 3, 4)
    space["dataset"] = Dataset("tiny", 3, 4, "buy", {"buy": pairs})
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], space)
    assert space["model"].scorer()(np.array([0, 2], np.int32)).shape == (2, 4)
