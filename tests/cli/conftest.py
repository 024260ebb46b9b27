from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from recsys_cli import cli


@pytest.fixture(autouse=True)
def _no_config_dir(monkeypatch):
    """--config-dir is kept in the environment: take it out again after each test."""
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")


@pytest.fixture
def train(monkeypatch):
    """Puts a function in the place of the train command."""

    def replace(function):
        monkeypatch.setitem(sys.modules, "fake_train", SimpleNamespace(main=function))
        monkeypatch.setitem(cli.COMMANDS, "train", cli.Command("fake", "fake_train"))

    return replace


@pytest.fixture
def own_configs(tmp_path):
    """Writes files such as {"model/mine.yaml": "..."} into a folder of the user's and returns its path."""

    def write(files: dict[str, str]) -> str:
        for name, text in files.items():
            path = tmp_path / "own" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(tmp_path / "own")

    return write
