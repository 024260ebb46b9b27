"""The options of a command line beside its settings; argparse would take a tenth of the time in which help answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from data_prep.errors import UserError

SWITCHES = {"-h": "help", "--help": "help", "-m": "multirun", "--multirun": "multirun", "--resolve": "resolve"}
VALUED = {"-c": "cfg", "--cfg": "cfg", "--config-dir": "config_dir"}
EXAMPLES = {"cfg": "--cfg job", "config_dir": "--config-dir DIR"}


class Options(NamedTuple):
    help: bool = False
    multirun: bool = False
    resolve: bool = False
    cfg: str = ""
    config_dir: str = ""


def options_of(words: Iterable[str], command: str) -> tuple[Options, list[str]]:
    """The options among the words, and the other words. Raises UserError for an option without its value."""
    found: dict[str, Any] = {}
    others, left = [], iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word in SWITCHES:
            found[SWITCHES[word]] = True
        elif name in VALUED:
            key = VALUED[name]
            found[key] = value if equals else next(left, "")
            if not found[key] or found[key].startswith("-"):
                raise UserError(f"{name} needs a value: {EXAMPLES[key]} (see recsys {command} --help)")
        else:
            others.append(word)
    if found.get("cfg", "job") != "job":
        raise UserError(f"--cfg {found['cfg']}: only --cfg job is there (see recsys {command} --help)")
    return Options(**found), others
