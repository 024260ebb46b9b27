"""The numbers of the papers, which come with the program."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.config.library import PACKAGE


class Number(NamedTuple):
    """unit: ratio, percent, count, s, min, h, day, ... note: on how it is printed, or what is wrong with it."""

    value: float
    unit: str
    note: str
    data: str = ""
    group: str = ""
    model: str = ""
    metric: str = ""

    @property
    def row(self) -> str:
        return f"{self.group} {self.model}".strip()


class Published:
    """The numbers of one table."""

    def __init__(self, numbers: Iterable[Number] = ()):
        self.numbers = list(numbers)
        self._exact = {(n.data, n.group, n.model, n.metric): n for n in self.numbers}
        self._by_model: dict[tuple[str, str, str], Number] = {}
        for number in self.numbers:
            self._by_model.setdefault((number.data, number.model, number.metric), number)

    def find(self, data: str | None, model: str, metric: str, groups: Sequence[str] = ()) -> Number | None:
        """groups: the part of the table, where its models stand there more than once."""
        if data is None:
            return None
        if given := [group for group in groups if group]:
            return next((n for group in given if (n := self._exact.get((data, group, model, metric)))), None)
        return self._by_model.get((data, model, metric))

    def of(self, data: Iterable[str], metrics: Iterable[str]) -> list[Number]:
        data, metrics = set(data), set(metrics)
        return [number for number in self.numbers if number.data in data and number.metric in metrics]

    @property
    def data(self) -> set[str]:
        return {number.data for number in self.numbers}


def folder() -> Path:
    """Inside of the package when installed from a wheel, beside it in a checkout."""
    for place in (PACKAGE / "published", PACKAGE.parent / "results" / "published"):
        if place.is_dir():
            return place
    raise UserError(f"the published numbers are neither in {PACKAGE} nor beside it: install recsys again")


def read_published(name: str | None) -> Published:
    """name: of the file, without its ending."""
    if name is None:
        return Published()
    path = folder() / f"{name}.csv"
    if not path.is_file():
        raise UserError(f"there are no published numbers {name}: {path} is missing")
    with open(path, newline="", encoding="utf-8") as stream:
        return Published(
            Number(
                value=float(line["value"]),
                unit=line["unit"],
                note=line["note"],
                data=line["dataset"],
                group=line["group"],
                model=line["model"],
                metric=re.sub("^P@", "Precision@", line["metric"]),
            )
            for line in csv.DictReader(stream)
        )
