from __future__ import annotations

import shlex
import time

import pytest

from recsys_cli.cli import COMMANDS
from recsys_cli.config.library import library

APPLICATIONS = [name for name, command in COMMANDS.items() if command.has_config]


def examples(command: str) -> list[str]:
    """The example lines of a command's help, without what is said beside them."""
    footer = library("").load(command)["hydra"]["help"]["footer"]
    return [line.strip().split("   ")[0] for line in footer.splitlines() if line.startswith("  recsys ")]


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_overview_lists_every_command(recsys, argv):
    result = recsys(*argv)
    assert result.code == 0
    for name, command in COMMANDS.items():
        assert f"  {name}" in result.out and command.help in result.out


def test_version(recsys):
    result = recsys("--version")
    assert result.code == 0 and result.out.startswith("recsys ")


@pytest.mark.parametrize("command", APPLICATIONS)
def test_help_of_every_command(recsys, command):
    start = time.perf_counter()
    result = recsys(command, "model=nonsense", "--help")
    assert time.perf_counter() - start < 5
    assert result.code == 0
    for part in (f"Usage: recsys {command}", "--config-dir DIR", "--multirun", f"recsys {command}"):
        assert part in result.out
    assert "$" not in result.out.replace("${", "")


def test_help_lists_the_choices_of_each_group(recsys, own_configs):
    own = own_configs({"model/mine.yaml": "name: mine\n"})
    lines = recsys("train", "--help", "--config-dir", own).out.splitlines()
    model = next(line.split() for line in lines if line.startswith("  model "))
    assert model[1] == "enmf," and {"mine,", "bpr,"} <= set(model)


@pytest.mark.parametrize("command", APPLICATIONS)
def test_every_example_composes(recsys, command):
    assert examples(command)
    for example in examples(command):
        if "resume=" not in example:
            result = recsys(*shlex.split(example)[1:], "--cfg", "job")
            assert result.code == 0, result.err
