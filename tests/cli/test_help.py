from __future__ import annotations

import shlex
import time

import pytest

from recsys_cli.cli import COMMANDS
from recsys_cli.config.library import library
from recsys_cli.help import example_lines

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
    start = time.process_time()
    result = recsys(command, "model=nonsense", "--help")
    assert time.process_time() - start < 1  # of this process: others may be at work beside it
    assert result.code == 0
    for part in (f"Usage: recsys {command}", "--config-dir DIR", "--multirun", f"recsys {command}"):
        assert part in result.out
    assert "$" not in result.out.replace("${", "")


def test_help_lists_the_choices_of_each_group(recsys, own_configs):
    own = own_configs({"model/mine.yaml": "name: mine\n"})
    text = recsys("train", "--help", "--config-dir", own).out
    choices = text.partition("\n  model ")[2].partition("\n  unlearning ")[0].replace("\n", " ").split()
    assert choices[0] == "enmf," and {"mine,", "bpr,"} <= set(choices)


def test_help_says_what_each_setting_means_and_may_be(recsys):
    text = " ".join(recsys("train", "--help").out.split())
    assert "trainer.epochs=200 passes over the training data (an integer >= 0)" in text
    assert "(train_and_validation | train)" in text and "seed=0 of everything" in text


def test_help_of_a_choice_has_its_settings_alone(recsys):
    text = recsys("train", "model=ehcf", "--help").out
    assert "Settings of model=ehcf" in text and "model.transfer_l2=0.0001" in text
    assert "trainer.batch_size=" not in text and "model._target_" not in text


@pytest.mark.parametrize("columns", [50, 80, 132])
def test_no_line_is_wider_than_the_terminal(recsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    calls = [[], *([command, "--help"] for command in COMMANDS)]
    for group, default in library("").defaults("train").items():
        calls += [["train", f"{group}={choice}", "--help"] for choice in library("").choices(group) if default]
    for words in calls:
        if columns < 80 and words[:1] == ["completion"]:
            continue  # lines to be copied
        assert max(map(len, recsys(*words).out.splitlines())) <= columns, words


def test_examples_that_are_continued_are_the_same_command(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    line = "  recsys train model=enmf loss.negative_weight=0.05 trainer.epochs=60     for a start"
    *parts, remark = example_lines(line)
    assert shlex.split("\n".join(parts).replace("\\\n", "")) == line.split()[:-3] and remark.strip() == "for a start"


@pytest.mark.parametrize("command", APPLICATIONS)
def test_every_example_composes(recsys, command):
    assert examples(command)
    for example in examples(command):
        if "resume=" not in example:
            result = recsys(*shlex.split(example)[1:], "--cfg", "job")
            assert result.code == 0, result.err
