"""Words such as ``trainer.epochs=60``: read by Hydra's parser, explained by us."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from data_prep.errors import UserError, similar
from data_prep.settings import shown
from recsys_cli.config.habits import option_of_hydra, other_name, without_effect
from recsys_cli.config.library import Library
from recsys_cli.config.schema import fields_of_command

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def parse(words: list[str], command: str, library: Library) -> list[Override]:
    """Raises UserError, in one sentence, for a word that is not ``key=value``."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    parsed = []
    for word in words:
        _refuse_spaces(word)
        try:
            override = parser.parse_override(word)
        except HydraException:
            raise UserError(_malformed(word, command, library)) from None
        if not override.key_or_group:
            raise UserError(f"'{word}' has no key before '=': write it as in {_example(command, library)}")
        if override.package is not None:
            raise UserError(f"'{word}': a group cannot be moved with '@'; write GROUP=CHOICE or key=value")
        _refuse_without_effect(override)
        _refuse_other_names(override.key_or_group, word, command, library)
        parsed.append(override)
    return parsed


def refuse_options_of_hydra(words: list[str]) -> None:
    for word in words:
        if advice := option_of_hydra(word):
            raise UserError(f"'{word}' is an option of Hydra that recsys does not have: {advice}")


def refuse_options(words: list[str], command: str, library: Library) -> None:
    """Raises UserError for ``--epochs``: settings have no dashes."""
    for word in words:
        if word.startswith("-"):
            name = word.lstrip("-").partition("=")[0].replace("-", "_")
            near = [k for k in library.values(command) if name and k.rpartition(".")[2] == name]
            near = near or [c for c in library.defaults(command) if c == name]
            example = f"{near[0]}=..." if near else _example(command, library)
            raise UserError(
                f"unknown option '{word}': settings are written without dashes, such as {example} "
                "(options: --help, --cfg job, --multirun, --config-dir DIR)"
            )


def switched_on(words: list[str], command: str, library: Library) -> list[str]:
    """A bare word that names a switch means yes: ``recsys unlearn verify run=RUN``."""
    values = library.values(command)
    return [f"{word}=true" if values.get(word) is False else word for word in words]


def is_group(override: Override, command: str, library: Library) -> bool:
    """Whether it picks a config (``model=enmf``) rather than sets a value: a command may have a setting called `data`."""
    key = override.key_or_group
    return "/" in key or (key in library.groups() and key not in fields_of_command(command, library.sources))


def typed(override: Override) -> str:
    """The word as it was given."""
    return override.input_line or ""


def chosen(override: Override) -> str:
    """The choice of a group as typed, even where it reads as a number (``table=4.11``)."""
    return typed(override).partition("=")[2].strip("'\"")


def expand(overrides: list[Override], library: Library) -> list[list[str]]:
    """The words of every job of ``--multirun``, in the order in which the sweeps are written."""
    axes = []
    for override in overrides:
        if override.is_sweep_override():
            axes.append([f"{override.get_key_element()}={value}" for value in _sweep(override, library)])
        else:
            axes.append([typed(override)])
    return [list(words) for words in product(*axes)]


def refuse_sweeps(overrides: list[Override]) -> None:
    for override in overrides:
        if override.is_sweep_override():
            key, _, value = typed(override).partition("=")
            raise UserError(
                f"'{typed(override)}' asks for several runs: add --multirun, or, for one list, "
                f"write brackets: {key}=[{value}]"
            )


def _sweep(override: Override, library: Library) -> list[str]:
    from hydra.core.override_parser.types import Glob, IntervalSweep

    value = override.value()
    if isinstance(value, Glob):
        return value.filter(library.choices(override.key_or_group))
    if isinstance(value, IntervalSweep):
        key = override.key_or_group
        raise UserError(
            f"'{typed(override)}': an interval has no end of values, and --multirun takes every one: write them, "
            f"{key}=0,1,2, or count them, '{key}=range(0,10,2)'"
        )
    return list(override.sweep_string_iterator())


def _refuse_without_effect(override: Override) -> None:
    """hydra.job.chdir=false and the like ask for nothing, and pass."""
    if (advice := without_effect(override.key_or_group)) and override.value() is not False:
        raise UserError(f"'{typed(override)}' has no effect here: {advice}")


def _refuse_other_names(key: str, word: str, command: str, library: Library) -> None:
    """Keys of other programs, where this command has what they mean. A phrase instead of a key is said as it is."""
    name = other_name(key)
    if name and " " in name:
        raise UserError(f"unknown key '{key}' in '{word}'. Instead: {name}")
    if name and name.partition("=")[0].partition(".")[0] in _top(command, library):
        raise UserError(f"unknown key '{key}' in '{word}'. Did you mean '{name}'?")


def _top(command: str, library: Library) -> set[str]:
    return {*library.defaults(command), *(key.partition(".")[0] for key in library.values(command))}


def _refuse_spaces(word: str) -> None:
    key, equals, value = word.partition("=")
    if equals and key.strip() and (key != key.strip() or value != value.lstrip()):
        raise UserError(f"'{word}' has spaces around '=': write {key.strip()}={value.strip()}")


def _malformed(word: str, command: str, library: Library) -> str:
    values = library.values(command)
    key, equals, value = word.partition("=")
    if equals and any(value.count(a) != value.count(b) for a, b in ("()", "[]", "{}")):
        return (
            f"cannot read '{word}': a bracket is not closed, or not opened. Where it is part of a text, put the value in "
            f"quotes twice: {key}='\"{value}\"'"
        )
    if equals:
        return (
            f"cannot read '{word}': a value with special characters needs quotes twice, for the shell and for recsys: "
            f"{key}='\"{value}\"'"
        )
    if word in values:
        return f"'{word}' lacks a value: write {word}=VALUE, without spaces (default {shown(values[word])})"
    for group in library.defaults(command):
        if word in library.choices(group):
            return f"'{word}' is not a setting: write {group}={word}"
    near = similar(word, [*values, *library.defaults(command)])
    example = f"{near[0]}=..." if near else _example(command, library)
    return f"cannot read '{word}': settings are written key=value, such as {example}"


def _example(command: str, library: Library) -> str:
    """The first setting in the examples of the command's help."""
    footer = library.load(command).get("hydra", {}).get("help", {}).get("footer", "")
    return next((word for word in footer.split() if "=" in word), "seed=1")
