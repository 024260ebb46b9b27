"""config.yaml of a run: written with every value resolved, read as plain YAML in which nothing runs.

A run may come from a stranger. Its config is data: no tags, aliases or interpolations, and each value is of the kind
that the program itself would take.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from data_prep.errors import UserError
from data_prep.files import read_file, write_file
from data_prep.options import PLACES
from data_prep.settings import plain
from recsys_cli.config.check import check_value, lookup
from recsys_cli.config.library import flatten, library

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONFIG = "config.yaml"
GROUPS = ("data", "model", "loss", "optimizer", "trainer")
OWN_PLACES = ("raw_dir", "cache_dir")


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    from omegaconf import OmegaConf

    write_file(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(settings)).encode())


def settings_of(config: DictConfig) -> dict[str, Any]:
    """The nested values to keep of the config of `recsys train`: resolved, and with places that hold from anywhere."""
    settings = plain(config)
    for key in PLACES:
        if isinstance(place := settings["data"].get(key), str):
            settings["data"][key] = str(Path(place).expanduser().absolute())
    return settings


def read_settings(folder: Path) -> dict[str, Any]:
    """The nested values of the config of a run.

    Raises UserError where there is none, or where it is not such a config.
    """
    path = folder / CONFIG
    try:
        settings = yaml.load(read_file(path).decode(), _Plain)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder} is not a run directory: it has no {CONFIG}. `recsys train` prints where a run lies."
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())[:200]}. {_PUT_BACK}") from None
    _check_shape(path, settings)
    _replace_own_places(settings["data"])
    for key, value in flatten(settings).items():
        if not isinstance(value, str | int | float | list | dict | None):
            raise UserError(f"{path}: {key} is a {type(value).__name__}, which no config of a run holds. {_PUT_BACK}")
        if any(mark in str(value) for mark in ("${", "???")):
            raise UserError(
                f"{path}: {key}={value} would have to be resolved, and nothing in the config of a run is: write the "
                "value itself."
            )
    _check_values(path, settings)
    return settings


def of_this_version(settings: dict[str, Any], folder: Path) -> DictConfig:
    """The root node of a run, where keys that came later and bear on scoring only get their default.

    Any other missing key decides how a model is made and trained: what this version would have made is not known.
    """
    from omegaconf import OmegaConf

    choices = choices_of(settings)
    expected = {group: library().group_values(group, choice) for group, choice in choices.items() if choice}
    complete = dict(settings)
    for group in ("evaluation", "device"):
        complete[group] = expected.pop(group, {}) | settings.get(group, {})
    for group, values in expected.items():
        if missing := sorted(values.keys() - settings[group].keys()):
            raise UserError(
                f"{folder} was trained by another version, without {group}.{missing[0]}, so it cannot be known "
                "what this version would have made: train it again."
            )
    return OmegaConf.create(complete)


def own_places() -> dict[str, str | None]:
    """Where this installation has its raw files and its cache, whatever a run says."""
    from omegaconf import OmegaConf

    common = OmegaConf.create(library().load("data/_common"))
    return {key: common[key] for key in OWN_PLACES}


class _Plain(yaml.SafeLoader):
    """Plain values only: a tag is refused by the base class, an alias, of which a bomb could be made, here."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias", self.peek_event().start_mark)
        return super().compose_node(parent, index)


_PUT_BACK = "Put back the one that was written, or train again."


def _check_shape(path: Path, settings: Any) -> None:
    groups = (*GROUPS, "evaluation", "device", "unlearning")
    if (
        not isinstance(settings, dict)
        or not all(isinstance(settings.get(group), dict) for group in GROUPS)
        or not all(isinstance(settings[group], dict) for group in groups if group in settings)
        or not isinstance(settings.get("seed"), int)
    ):
        raise UserError(f"{path} is not the config of a run. {_PUT_BACK}")


def _replace_own_places(data: dict[str, Any]) -> None:
    """Runs of older versions hold the two interpolations of configs/data/_common.yaml as written."""
    written = library().load("data/_common")
    for key in OWN_PLACES:
        if key in data and data[key] == written[key]:
            data[key] = own_places()[key]


def _check_values(path: Path, settings: dict[str, Any]) -> None:
    usual = library().values("train", choices_of(settings))
    known = library().fields("train", usual)
    for key, default in usual.items():
        if isinstance(default, str) and "$" in default:
            continue
        try:
            value = lookup(settings, key)
        except (KeyError, TypeError):
            continue
        check_value(key, value, default, known, str(path))


def choices_of(settings: dict[str, Any]) -> dict[str, str]:
    """The choice of every group of `recsys train` that the run has."""
    choices = {
        group: str(settings[group].get("name", default))
        for group, default in library().defaults("train").items()
        if settings.get(group)
    }
    return choices | ({"data": "csv"} if settings["data"].get("source") == "csv" else {})  # whatever its name
