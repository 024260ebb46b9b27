"""The config folders as plain files: no Hydra here, so that help and completion answer at once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data_prep.errors import UserError, nearest
from data_prep.settings import Field
from recsys_cli.config import schema
from recsys_cli.config.habits import other_choice

PACKAGE = Path(__file__).resolve().parents[1]
CONFIG_DIR_VARIABLE = "RECSYS_CONFIG_DIR"
TUNED = "tuned"  # the group whose files set values of others


@dataclass(frozen=True)
class Library:
    """roots: config folders, ours first, then the user's own."""

    roots: tuple[Path, ...]

    def groups(self) -> list[str]:
        return sorted({d.name for root in self.roots for d in root.iterdir() if d.is_dir() and _visible(d)})

    def choices(self, group: str) -> list[str]:
        return sorted({f.stem for root in self.roots for f in (root / group).glob("*.yaml") if _visible(f)})

    def path(self, name: str) -> Path | None:
        """The file of a config such as ``train`` or ``model/enmf``."""
        return next((p for root in self.roots if (p := root / f"{name}.yaml").is_file()), None)

    def load(self, name: str) -> dict[str, Any]:
        """One file as written: nothing merged, nothing resolved; {} where there is no such file."""
        path = self.path(name)
        return _read(path) if path else {}

    def defaults(self, command: str) -> dict[str, str | None]:
        """The groups of a command with their default choices, in the order of its defaults list."""
        found: dict[str, str | None] = {}
        for entry in self.load(command).get("defaults", []):
            for group, choice in entry.items() if isinstance(entry, dict) else ():
                found[group.removeprefix("optional ")] = choice
        return found

    @property
    def sources(self) -> tuple[Path, ...]:
        """Where the modules named in configs lie: ours, those beside the user's configs, those that Python finds."""
        return (PACKAGE.parent, *self.roots[1:], *(Path(p) for p in sys.path if p))

    def values(
        self, command: str, picked: dict[str, str] | None = None, groups: Collection[str] | None = None
    ) -> dict[str, Any]:
        """Dotted key -> value of `stated`."""
        return flatten(self.stated(command, picked, groups))

    def stated(
        self, command: str, picked: dict[str, str] | None = None, groups: Collection[str] | None = None
    ) -> dict[str, Any]:
        """The nested values that the picked choices of a command's groups, its own file and the settings state, and those
        tuned for such choices.

        groups: those that are wanted; the others may lack settings that no file states, which takes less time.
        """
        tree = {k: v for k, v in self.load(command).items() if k not in ("defaults", "hydra")}
        choices = self.defaults(command) | (picked or {})
        choices |= self._wishes(choices.get("model")) | (picked or {})
        chosen = {
            group: re.sub(r"\$\{(\w+)\}", lambda named: str(choices.get(named[1])), choice or "")
            for group, choice in choices.items()
        }
        tuned = chosen.pop(TUNED, None)
        for group, choice in chosen.items():
            if choice in self.choices(group):
                tree[group] = self._stated(group, choice)
        if tuned in self.choices(TUNED):
            tree = _merged(tree, self._stated(TUNED, tuned))
        return schema.completed(command, tree, self._only(command, groups), self.sources)

    def fields(
        self, command: str, values: Mapping[str, Any], groups: Collection[str] | None = None
    ) -> dict[str, Field]:
        """What each key may hold and means. values: by dotted keys; choices differ in their keys. groups: the wanted."""
        return schema.fields(command, values, self._only(command, groups), self.sources)

    def _only(self, command: str, groups: Collection[str] | None) -> dict[str, str | None]:
        return {g: c for g, c in self.defaults(command).items() if groups is None or g in groups}

    def completed(self, command: str, tree: dict[str, Any]) -> dict[str, Any]:
        """The nested values of the files, as Hydra composes them, with the defaults of the settings."""
        return schema.completed(command, tree, self.defaults(command), self.sources)

    def _wishes(self, model: str | None) -> dict[str, str]:
        """The choices of other groups that a model asks for, by ``override /loss@...: bpr``, and those it starts from."""
        found: dict[str, str] = {}
        for entry in self.load(f"model/{model}").get("defaults", []):
            if isinstance(entry, dict):
                found |= {k.removeprefix("override /").partition("@")[0]: v for k, v in entry.items()}
            elif entry != "_self_":
                found |= self._wishes(entry)
        return found

    def group_values(self, group: str, choice: str) -> dict[str, Any]:
        """The nested values of one choice: of its files, and for the rest the defaults of its settings.

        {} for what is no choice: the word may come from a run of a stranger, and is then no path to be followed.
        """
        if choice not in self.choices(group):
            return {}
        return schema.completed_group(group, self._stated(group, choice), self.sources)

    def _stated(self, group: str, choice: str) -> dict[str, Any]:
        """What the file of a choice and those of its group that it starts from state."""
        own = dict(self.load(f"{group}/{choice}"))
        inherited: dict[str, Any] = {}
        for entry in own.pop("defaults", []):
            if isinstance(entry, str) and entry != "_self_":
                inherited |= self._stated(group, entry)
        return inherited | own


def _merged(tree: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """As Hydra merges two files: mappings key by key, and all else by what comes later."""
    both = {k for k, v in more.items() if isinstance(v, dict) and isinstance(tree.get(k), dict)}
    return tree | {k: _merged(tree[k], v) if k in both else v for k, v in more.items()}


def library(user_dir: str | None = None) -> Library:
    """Our configs and, if named here or else in RECSYS_CONFIG_DIR, a folder of the user's own.

    Raises UserError for a folder that is missing or holds a file with the name of one of ours, because
    Hydra would silently prefer ours.
    """
    user_dir = user_dir or os.environ.get(CONFIG_DIR_VARIABLE)
    if not user_dir:
        return Library((shipped(),))
    folder = Path(user_dir).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"config folder '{user_dir}' does not exist (--config-dir or {CONFIG_DIR_VARIABLE})")
    for file in sorted(folder.rglob("*.yaml")):
        if (shipped() / file.relative_to(folder)).exists():
            raise UserError(f"{file} has the name of a config of recsys, which would win: rename it")
    return Library((shipped(), folder))


def shipped() -> Path:
    """Our config folder: inside the package when installed from a wheel, beside it in a checkout."""
    for folder in (PACKAGE / "configs", PACKAGE.parent / "configs"):
        if folder.is_dir():
            return folder
    raise UserError(f"the configs of recsys are neither in {PACKAGE} nor beside it: install recsys again")


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{'a': {'b': 1}} -> {'a.b': 1}; an empty mapping is a value."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        flat |= flatten(value, name) if isinstance(value, dict) and value else {name: value}
    return flat


def check_choice(library: Library, group: str, choice: str) -> None:
    choices = library.choices(group)
    if choice not in choices:
        usual = other_choice(group, choice)
        hint = f" Did you mean '{usual}'?" if usual else nearest(choice, choices)
        raise UserError(f"unknown choice '{choice}' of group '{group}' ({group}={choice}).{hint}")


def _visible(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and path.name != "hydra"


@cache
def _read(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
    try:
        return yaml.load(path.read_text(encoding="utf-8"), loader) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
