"""Commands that take words besides settings, such as paths of runs: `recsys compare RUN RUN out=page.html --json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library, library

if TYPE_CHECKING:
    from omegaconf import DictConfig

KEY = re.compile(r"([\w.]+)=")


def settings_and_words(command: str, argv: list[str]) -> tuple[DictConfig | None, list[str]]:
    """The config of the command's own settings, and all other words in their order.

    --name is the switch `name`. None for the config where help was asked for and has been printed.
    """
    configs = library()
    if {"-h", "--help"} & set(argv):
        from recsys_cli.help import OPTIONS, command_help

        print(command_help(command, configs, options={"--help, -h": OPTIONS["--help, -h"]}))
        return None, []
    values = configs.values(command)
    own: list[str] = []
    words: list[str] = []
    for word in argv:
        (own if _is_setting(word, values) else words).append(word)
    return compose(command, [_as_setting(word, values) for word in own], configs), words


def refuse_key(command: str, word: str, configs: Library | None = None) -> None:
    """Raises UserError, with the nearest key, for key=value and --key that are no settings of the command."""
    if KEY.match(word) or word.startswith("-"):
        compose(command, [word.lstrip("-") if "=" in word else f"{word.lstrip('-')}=true"], configs or library())


def _is_setting(word: str, values) -> bool:
    found = KEY.match(word)
    return (found[1] in values) if found else values.get(word.removeprefix("--")) is False


def _as_setting(word: str, values) -> str:
    name = word.removeprefix("--")
    return f"{name}=true" if values.get(name) is False else word
