"""What the documents say can be done: their links lead somewhere, and their command lines are right."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from recsys_cli.cli import COMMANDS, spoken
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.config.overrides import expand, parse, switched_on
from recsys_cli.config.words import settings_and_words
from recsys_cli.jobs.multirun import taken
from recsys_cli.options import options_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "results").glob("**/README.md"))]
LEFT_OUT = (
    "--config-dir",
    "hydra/launcher=",
    "trainer.epoch=3",
    "...",
    "…",
)  # run elsewhere, wrong on purpose, cut short


def code(page: Path) -> str:
    """The fenced blocks, with continued lines joined."""
    return "\n".join(re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)).replace("\\\n", " ")


def commands() -> list[tuple[str, str]]:
    found = {}
    for page in PAGES:
        for line in re.findall(r"^(?:\$ )?(recsys \w.*)$", code(page), re.MULTILINE):
            words = shlex.join(shlex.split(line.partition("  #")[0], comments=True))
            if not any(part in words for part in LEFT_OUT):
                found.setdefault(words, page.name)
    return [(page, words) for words, page in found.items()]


def slug(heading: str) -> str:
    """The anchor that a heading gets where the pages are shown."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name}: {link}"


def test_the_pages_of_all_commands_are_looked_at():
    assert {words.split()[1] for _, words in commands()} >= {"train", "sweep", "reproduce", "runs", "compare", "report"}


@pytest.mark.parametrize("page, line", commands(), ids=lambda value: value[:70])
def test_every_command_line_composes(page, line):
    name, *argv = spoken(shlex.split(line)[1:])
    if not COMMANDS[name].has_config:
        if name != "completion":
            settings_and_words(name, argv)
        return
    configs = library("")
    options, words = options_of(argv, name)
    words = switched_on(words, name, configs)
    if options.help:
        return
    _, _, words = taken(words, options.multirun, configs.values(name))
    if COMMANDS[name].composes:
        assert import_module(COMMANDS[name].module).configs(words)
        return
    words = [
        word for word in words if not (options.multirun and word.startswith("seed="))
    ]  # which differ in nothing else
    for job in expand(parse(words, name, configs), configs) if options.multirun else [words]:
        assert compose(name, job, configs, quick=True)
