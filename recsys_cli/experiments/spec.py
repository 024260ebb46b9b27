"""A table or a figure, read from its config: its data sets, rows and axis.

A row may be for a model that does not exist yet: it is listed as such, and takes part as soon as configs/model has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

from data_prep.errors import UserError, nearest
from data_prep.settings import MANDATORY
from recsys_cli.config.library import Library
from recsys_cli.experiments.settings import ExperimentSettings

GROUPS = ("table", "figure")
OF_TABLES = ("published", "beyond", "deletions")  # what a figure does not take over
LABELS = {
    "popularity": "MP",
    "item_knn": "ItemKNN",
    "user_knn": "UserKNN",
    "rp3beta": "RP3beta",
    "ease": "EASE",
    "auxiliary_first": "auxiliary first",
}


class Source(NamedTuple):
    """A data set. published: its name in the paper; None: the paper does not have it. group: a part of the published
    table that it is compared with. because: why it stands here instead of another."""

    data: str
    id: str = ""
    title: str = ""
    published: str | None = None
    group: str = ""
    words: tuple[str, ...] = ()
    because: str = ""


class Row(NamedTuple):
    """label: as published. published: its name there, where it differs. group: its part of the published table.

    own: the paper's own. extra: not in the paper. draws: whether the seed bears on it. brief: trained for a few epochs
    only, to see how long one takes. singles: deletions, instead of what the table says. axis: whether the axis of a
    figure applies to it. per_data: settings by data set. not_for: data sets that it is left out of, and why.
    """

    label: str
    model: str
    words: tuple[str, ...] = ()
    published: str = ""
    group: str = ""
    seeds: int | None = None
    own: bool = False
    extra: bool = False
    draws: bool = True
    brief: bool = False
    singles: int | None = None
    axis: bool = True
    per_data: Mapping[str, list[str]] = {}
    not_for: Mapping[str, str] = {}


class Point(NamedTuple):
    """A place on the axis of a figure. words: the settings that make it. y: on the other axis of a grid."""

    x: str | float | None = None
    words: tuple[str, ...] = ()
    y: float | None = None


class Axis(NamedTuple):
    """key: the setting, or (parts) the weights of the behaviours, in so many parts of 1. bounds: of groups of users."""

    title: str
    key: str = ""
    values: tuple[Any, ...] = ()
    names: Mapping[str, str] = {}
    parts: int = 0
    bounds: Mapping[str, list[int]] = {}


class Experiment(NamedTuple):
    group: str
    settings: ExperimentSettings
    sources: tuple[Source, ...]
    rows: tuple[Row, ...]
    axis: Axis | None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def word(self) -> str:
        return f"{self.group}={self.name}"

    def points(self, row: Row, behaviours: list[str]) -> list[Point]:
        """Where a row is measured; behaviours: of the data set, in their order."""
        axis = self.axis
        if axis is None or not row.axis or not (axis.values or axis.parts):
            return [Point()]
        if not axis.parts:
            return [_point(axis, value) for value in axis.values]
        return _simplex(axis, behaviours)


def read(group: str, name: str, library: Library) -> Experiment:
    """Raises UserError for an experiment that is not there, and for one that makes no sense."""
    if name not in library.choices(group):
        raise UserError(f"there is no {group}={name}.{nearest(name, library.choices(group))}")
    place = f"configs/{group}/{name}.yaml"
    values = _complete(group, name, library, ())
    settings: ExperimentSettings = ExperimentSettings.from_config(values, place)
    if MANDATORY in (settings.name, settings.title):
        raise UserError(f"{place}: name and title must be given.")
    if settings.name != name:
        raise UserError(f"{place}: name is {settings.name}, and has to be that of the file.")
    sources = tuple(_source(entry, place) for entry in settings.data)
    rows = [_row(entry, place) for entry in settings.rows]
    if settings.kind == "results":
        there = {row.model for row in rows}
        rows += [Row(LABELS.get(m, m), m, draws=False, extra=True) for m in settings.extra if m not in there]
    axis = _filled(Axis, settings.axis, f"{place}: axis") if settings.axis else None
    found = Experiment(group, settings, sources, tuple(rows), axis)
    _refuse_doubles(found, place)
    return found


def _complete(group: str, name: str, library: Library, seen: tuple[str, ...]) -> dict[str, Any]:
    """What the file states, over what the one that it is like states; labels become the rows of that one."""
    own = dict(library.load(f"{group}/{name}"))
    if not (like := own.get("like")):
        return own
    base_group, _, base_name = str(like).partition("/")
    if f"{group}/{name}" in seen or base_group not in GROUPS or base_name not in library.choices(base_group):
        raise UserError(f"configs/{group}/{name}.yaml: like={like} is no other table or figure, such as table/4.11.")
    base = _complete(base_group, base_name, library, (*seen, f"{group}/{name}"))
    by_label = {row["label"]: row for row in base.get("rows", ())}
    if "rows" in own:
        labels = [row for row in own["rows"] if isinstance(row, str)]
        if unknown := [label for label in labels if label not in by_label]:
            raise UserError(f"configs/{group}/{name}.yaml: {like} has no row '{unknown[0]}'.")
        own["rows"] = [by_label[row] if isinstance(row, str) else row for row in own["rows"]]
    kept = {key: value for key, value in base.items() if group == base_group or key not in OF_TABLES}
    return {**kept, **own}


def _source(entry: Mapping[str, Any], place: str) -> Source:
    source = _filled(Source, entry, f"{place}: data")
    return source._replace(id=source.id or source.data, title=source.title or source.published or source.data)


def _row(entry: Any, place: str) -> Row:
    if not isinstance(entry, dict):
        raise UserError(f"{place}: rows: '{entry}' is no mapping of label, model, ...")
    entry = {"label": LABELS.get(str(entry.get("model")), entry.get("model")), **entry}
    return _filled(Row, entry, f"{place}: rows: {entry.get('label')}")


def _filled(cls: Any, entry: Mapping[str, Any], place: str) -> Any:
    """A tuple of this class from a mapping of its fields; lists become tuples."""
    for key in entry:
        if key not in cls._fields:
            raise UserError(f"{place}: unknown key '{key}'.{nearest(str(key), cls._fields)}")
    needed = [name for name in cls._fields if name not in cls._field_defaults and name not in entry]
    if needed:
        raise UserError(f"{place}: {needed[0]} must be given.")
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})


def _refuse_doubles(experiment: Experiment, place: str) -> None:
    for what, names in (
        ("rows", [row.label for row in experiment.rows]),
        ("data", [source.id for source in experiment.sources]),
    ):
        if double := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"{place}: {what}: '{double}' stands there twice.")
    if experiment.settings.kind in ("setting", "grid") and experiment.axis is None:
        raise UserError(f"{place}: kind={experiment.settings.kind} needs an axis.")


def _point(axis: Axis, value: Any) -> Point:
    """A value of the key, or a mapping {x: ..., words: [...]}."""
    if isinstance(value, dict):
        return Point(value["x"], tuple(value.get("words", ())))
    shown = axis.names.get(str(value), value)
    return Point(shown, (f"{axis.key}={value}",))


def _simplex(axis: Axis, behaviours: list[str]) -> list[Point]:
    """All weights of the behaviours in multiples of 1 / parts that add up to 1; x: of the last but the target, which
    comes last, y: of the first of three."""
    points = []
    for parts in product(range(axis.parts + 1), repeat=len(behaviours) - 1):
        if sum(parts) <= axis.parts:
            weights = [part / axis.parts for part in (*parts, axis.parts - sum(parts))]
            text = ", ".join(f"{b}: {w:.4f}" for b, w in zip(behaviours, weights))
            y = round(weights[-3], 4) if len(weights) > 2 else None
            points.append(Point(round(weights[-2], 4), (f"{axis.key}={{{text}}}",), y))
    return points
