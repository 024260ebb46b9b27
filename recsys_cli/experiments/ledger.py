"""The ledger of deviations: what differs from the papers, said once, and which numbers it touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from data_prep.errors import UserError, nearest
from recsys_cli.config.library import Library
from recsys_cli.experiments.spec import Experiment, Row, Source

FILE = "table/_deviations"


class Deviation(NamedTuple):
    """comparable: whether the numbers that it touches can still be compared with the published ones.

    data, models, tables: what it touches; empty: all. One without any of them touches the experiments that name it.
    """

    what: str
    comparable: bool = True
    data: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def touches(self, experiment: Experiment, source: Source, row: Row | None) -> bool:
        return (
            any(self[2:])
            and (not self.data or source.id in self.data)
            and (not self.models or row is None or row.model in self.models)
            and (not self.tables or experiment.word in self.tables)
        )


class Ledger:
    def __init__(self, library: Library):
        self._entries = {name: _entry(name, values) for name, values in library.load(FILE).items()}

    def of(self, experiment: Experiment) -> list[tuple[Deviation, str]]:
        """Each deviation that touches an experiment, and what of it: data sets and rows, or all of it."""
        found = [(self._named(name, experiment), "all of it") for name in experiment.settings.deviations]
        for deviation in self._entries.values():
            touched = [s.title for s in experiment.sources if deviation.touches(experiment, s, None)]
            rows = [row.label for row in experiment.rows if row.model in deviation.models]
            if touched and (rows or not deviation.models):
                found.append((deviation, ", ".join(touched) + (f": {', '.join(rows)}" if rows else "")))
        return found

    def reasons(self, experiment: Experiment, source: Source, row: Row) -> list[str]:
        """Why a number says nothing about the published one."""
        named = [self._named(name, experiment) for name in experiment.settings.deviations]
        scoped = [d for d in self._entries.values() if d.touches(experiment, source, row)]
        return [deviation.what for deviation in (*named, *scoped) if not deviation.comparable]

    def _named(self, name: str, experiment: Experiment) -> Deviation:
        if name not in self._entries:
            raise UserError(
                f"{experiment.word}: deviations: '{name}' is not in {FILE}.yaml.{nearest(name, self._entries)}"
            )
        return self._entries[name]


def _entry(name: str, values: Mapping) -> Deviation:
    for key in values:
        if key not in Deviation._fields:
            raise UserError(f"{FILE}.yaml: {name}: unknown key '{key}'.{nearest(str(key), Deviation._fields)}")
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Deviation(**given)
