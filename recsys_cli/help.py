"""What ``--help`` and ``--version`` print, from the config files and the settings classes alone."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from data_prep.kinds import BOOLEAN, NULL, Kind
from data_prep.settings import Field, shown
from recsys_cli.config.check import fixed
from recsys_cli.config.library import TUNED, Library

OPTIONS = {
    "--cfg job": "print the config and stop (--resolve: with references filled in)",
    "--multirun, -m": "run every combination of values given as key=a,b; jobs=2: two at a time",
    "--config-dir DIR": "a folder of your own configs, such as DIR/model/mine.yaml (or set RECSYS_CONFIG_DIR)",
    "--help, -h": "this text",
}
LEFT = 34  # columns for a setting and its default
LONGEST = 40  # of a default
UNSAID = ("a text", "a list such as [a,b], each a text", "a list such as [a,b]", "a mapping such as {a:1,b:2}")


def overview(commands: Mapping[str, str]) -> str:
    """commands: name -> one line."""
    return "\n".join(
        [
            *_wrapped("recsys: train, evaluate and compare recommender models"),
            "",
            "Usage: recsys COMMAND [key=value ...] [options]",
            "",
            "Commands",
            *(line for name, text in commands.items() for line in _entry(name, text, 14)),
            "",
            *_wrapped(
                "recsys COMMAND --help shows the settings and examples of a command; recsys --version the version."
            ),
            "Start with: recsys train",
        ]
    )


def command_help(
    command: str, library: Library, words: Iterable[str] = (), options: Mapping[str, str] = OPTIONS
) -> str:
    """words: of the command line; where they choose groups, the settings are those of these choices alone."""
    about = library.load(command)["hydra"]["help"]
    groups = {g: choice for g, choice in library.defaults(command).items() if g != TUNED}
    picked = {g: c for g, _, c in (word.partition("=") for word in words) if g in groups and c in library.choices(g)}
    lines = [*_wrapped(about["header"]), "", *_wrapped(f"Usage: {about['app_name']} [key=value ...] [options]"), ""]
    if groups:
        lines += _wrapped("Groups (GROUP=CHOICE, default first; GROUP=CHOICE --help shows its settings)")
        for group, default in groups.items():
            others = [c for c in library.choices(group) if c != default]
            lines += _entry(group, ", ".join([default or "(none)", *others]), 14)
        lines.append("")
    values = library.values(command, picked, picked or None)
    known = library.fields(command, values, picked or None)
    for group in picked or ("", *groups):
        lines += _section(group, values, known)
    lines += ["Options", *(line for option, text in options.items() for line in _entry(option, text, 20)), ""]
    return "\n".join(lines + [part for line in about["footer"].rstrip().splitlines() for part in example_lines(line)])


def _section(group: str, values: Mapping[str, Any], known: Mapping[str, Field]) -> list[str]:
    """The settings of a group, or ("") of the command itself."""
    own = [key for key in values if key.partition(".")[0] == group] if group else [k for k in values if "." not in k]
    lines = []
    for key in [key for key in own if not fixed(key, known)]:
        if key in known:
            lines += _entry(f"{key}={_default(values[key])}", _about(known[key]), LEFT)
        elif not any(key.startswith(f"{setting}.") for setting in known):
            lines += _entry(f"{key}={_default(values[key])}", "", LEFT)
    for key, found in known.items():  # those whose value is a mapping
        if key not in values and key.partition(".")[0] == group and any(v.startswith(f"{key}.") for v in own):
            lines += _entry(f"{key}={{...}}", _about(found), LEFT)
    choice = values.get(f"{group}.name", "")
    title = f"Settings of {group}" + (f"={choice}" if choice and choice != "???" else "") if group else "Settings"
    return [title, *lines, ""] if lines else []


def _about(setting: Field) -> str:
    allowed = _allowed(setting.kind)
    return setting.help + (f" ({allowed})" if allowed and setting.help else allowed)


def _allowed(kind: Kind | None) -> str:
    """What a setting may hold, as far as its default and name do not say it."""
    if kind is None or kind is BOOLEAN:
        return ""
    valid, choices = kind.valid.removesuffix(f", or {NULL.valid}"), [c for c in kind.choices if c != NULL.valid]
    if kind.closed:
        return " | ".join(choices)
    if valid in UNSAID:
        return "such as " + ", ".join(choices) if choices else ""
    return valid


def _default(value: Any) -> str:
    if isinstance(value, str) and (found := re.fullmatch(r"\$\{oc\.env:(\w+),'?(.*?)'?\}", value)):
        value = os.environ.get(found[1], found[2])
    text = "..." if value == "???" else shown(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def width() -> int:
    """Columns of the terminal, 80 where there is none."""
    try:  # as shutil does it, which loads four compressors
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (AttributeError, ValueError, OSError):
        columns = 80
    return max(40, columns)


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width(), initial_indent=indent, subsequent_indent=indent)


def _entry(name: str, text: str, left: int) -> list[str]:
    """Name and text in two columns; the text begins on a line of its own where the name is too long."""
    left = min(left, width() // 2)
    space = " " * left
    first = f"  {name}"
    if len(first) + 2 <= left:
        return textwrap.wrap(text, width(), initial_indent=first.ljust(left), subsequent_indent=space) or [first]
    return textwrap.wrap(name, width(), initial_indent="  ", subsequent_indent="    ") + _wrapped(text, space)


def example_lines(line: str) -> list[str]:
    """A line of examples, ``COMMAND   remark``; what is too wide is continued as a shell would read it."""
    if len(line) <= width():
        return [line]
    command, *remark = re.split(r" {3,}", line.strip(), maxsplit=1)
    parts = textwrap.wrap(
        command,
        width() - 2,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*(f"{part} \\" for part in parts[:-1]), parts[-1], *_wrapped("".join(remark), "      ")]


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("recsys")
    except PackageNotFoundError:
        return "(not installed)"
