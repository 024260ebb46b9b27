from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import yaml

from recsys_cli import cli


@pytest.fixture(autouse=True)
def _no_config_dir(monkeypatch):
    """--config-dir is kept in the environment: take it out again after each test."""
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")


@pytest.fixture
def config(recsys):
    """The config that a command would run with, as a dict."""

    def compose(*argv: str) -> dict:
        result = recsys(*argv, "--cfg", "job")
        assert result.code == 0, result.err
        return yaml.safe_load(result.out)

    return compose


@pytest.fixture
def refused(recsys, monkeypatch):
    """The message with which the command line is refused, on one line and without a traceback."""

    for name, command in cli.COMMANDS.items():
        if command.has_config:
            monkeypatch.setitem(cli.COMMANDS, name, command._replace(module="no.command.may.run"))

    def message(*argv: str) -> str:
        result = recsys(*argv)
        assert result.code == 2
        assert result.err.startswith("recsys: error: ") and result.err.count("\n") == 1
        assert result.out == ""
        return result.err

    return message


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
