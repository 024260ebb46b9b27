"""Which settings class stands behind each group of the config and each command, and what follows from it: the keys,
their defaults, what they may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from data_prep.kinds import Bounds, kind_of_type, or_null
from data_prep.settings import TARGET, Field, Settings, fields_of
from recsys_cli.config.source import settings_class

# The key of a group that tells its classes apart (those of models are named by the choice itself), and their places.
TOLD_BY = {"data": "source", "loss": "name", "optimizer": "name", "unlearning": "name", "model": TARGET}
ANY = ""  # whatever that key says
PLACES: Mapping[str, Mapping[str, str]] = {
    "data": {
        "files": "data_prep.data_settings.DataSettings",
        "csv": "data_prep.data_settings.CsvSettings",
        "synthetic": "data_prep.data_settings.SyntheticSettings",
    },
    "model": {},
    "loss": {
        "non_sampling": "recsys_cli.losses.whole_data.WholeDataSettings",
        "multi_channel_bpr": "recsys_cli.losses.multi_channel.MultiChannelSettings",
        "rating": "recsys_cli.losses.ratings.RatingSettings",
        "none": "recsys_cli.losses.base.LossSettings",
        ANY: "recsys_cli.losses.sampled.SampledSettings",
    },
    "optimizer": {
        "adagrad": "recsys_cli.training.optimizers.Adagrad",
        "adam": "recsys_cli.training.optimizers.Adam",
        "sgd": "recsys_cli.training.optimizers.SGD",
    },
    "trainer": {ANY: "recsys_cli.training.fit.TrainerSettings"},
    "device": {ANY: "recsys_cli.training.device.DeviceSettings"},
    "evaluation": {ANY: "recsys_cli.evaluation.protocol.EvaluationSettings"},
    "sweep": {ANY: "recsys_cli.sweeps.settings.SearchSettings"},
    "unlearning": {
        "none": "recsys_cli.unlearning.settings.NoSettings",
        ANY: "recsys_cli.unlearning.settings.UnlearningSettings",
    },
    "table": {ANY: "recsys_cli.experiments.settings.ExperimentSettings"},
    "figure": {ANY: "recsys_cli.experiments.settings.ExperimentSettings"},
}
# Where a choice has no settings class, the keys that it has in common with these mean the same.
USUAL = {"model": "recsys_cli.models.base.EmbeddingSettings", "data": "data_prep.data_settings.DataSettings"}


def class_of(group: str, values: Mapping[str, Any], roots: tuple[Path, ...]) -> type[Settings] | None:
    """values: those of a choice, as far as they are known."""
    word = str(values.get(TOLD_BY.get(group, ""), ANY) or ANY)
    place = word if group == "model" else PLACES.get(group, {}).get(word, PLACES.get(group, {}).get(ANY))
    return settings_class(place, roots) if place else None


def fields_of_group(group: str, values: Mapping[str, Any], roots: tuple[Path, ...]) -> dict[str, Field]:
    """What is known of the keys of a choice, by their names in the group."""
    cls = class_of(group, values, roots)
    if cls is None and group in USUAL:
        usual = fields_of(settings_class(USUAL[group], roots) or Settings)
        known = {name: found for name, found in usual.items() if name in values}
    else:
        known = dict(fields_of(cls)) if cls else {}
    if TARGET in values:
        text = kind_of_type(str, Bounds())
        known = {TARGET: Field(TARGET, None, "the class of the choice", text, True)} | known
    return known


def completed_group(group: str, values: dict[str, Any], roots: tuple[Path, ...]) -> dict[str, Any]:
    """The values of a choice with the defaults of its settings class, in the order of the class."""
    cls = class_of(group, values, roots)
    if cls is None:
        return values
    known = fields_of_group(group, values, roots)
    return {name: deepcopy(values.get(name, found.default)) for name, found in known.items()} | {
        name: value for name, value in values.items() if name not in known
    }


def fields_of_command(command: str, roots: tuple[Path, ...]) -> Mapping[str, Field]:
    """The settings of a command itself."""
    cls = settings_class(f"recsys_cli.commands.{command}.{command.capitalize()}Settings", roots)
    return fields_of(cls) if cls else {}


def completed(
    command: str, tree: dict[str, Any], groups: Mapping[str, str | None], roots: tuple[Path, ...]
) -> dict[str, Any]:
    """A command's nested values with the defaults of all settings classes.

    groups: with their default choices. A group of which the command chooses none has its keys all the same, null.
    """
    found = {k: completed_group(k, v, roots) if k in groups and isinstance(v, dict) else v for k, v in tree.items()}
    for group, default in groups.items():
        if not found.get(group):
            completed = completed_group(group, {}, roots)
            found |= {group: completed if default else dict.fromkeys(completed)} if completed else {}
    return found | {n: deepcopy(f.default) for n, f in fields_of_command(command, roots).items() if n not in found}


def fields(
    command: str, values: Mapping[str, Any], groups: Mapping[str, str | None], roots: tuple[Path, ...]
) -> dict[str, Field]:
    """What is known of each dotted key. values: by dotted keys."""
    found = dict(fields_of_command(command, roots))
    for group, default in groups.items():
        own = {k.removeprefix(group + "."): v for k, v in values.items() if k.startswith(group + ".")}
        for name, known in fields_of_group(group, own, roots).items():
            found[f"{group}.{name}"] = known if default else known._replace(kind=or_null(known.kind))
    return found
