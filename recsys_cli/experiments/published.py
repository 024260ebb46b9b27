"""The numbers of the papers, which come with the program."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.config.library import PACKAGE


class Number(NamedTuple):
    """unit: ratio, percent, count, s, min, h, day, ... note: on how it is printed, or what is wrong with it."""

    value: float
    unit: str
    note: str


Key = tuple[str, str, str]  # data set, row, metric
Published = Mapping[Key, Number]


def folder() -> Path:
    """Inside of the package when installed from a wheel, beside it in a checkout."""
    for place in (PACKAGE / "published", PACKAGE.parent / "results" / "published"):
        if place.is_dir():
            return place
    raise UserError(f"the published numbers are neither in {PACKAGE} nor beside it: install recsys again")


def read_published(name: str | None) -> Published:
    """name: of the file, without its ending. A row is found by its model, and by its group and model."""
    if name is None:
        return {}
    path = folder() / f"{name}.csv"
    if not path.is_file():
        raise UserError(f"there are no published numbers {name}: {path} is missing")
    found: dict[Key, Number] = {}
    with open(path, newline="", encoding="utf-8") as stream:
        for line in csv.DictReader(stream):
            number = Number(float(line["value"]), line["unit"], line["note"])
            found[line["dataset"], f"{line['group']} {line['model']}".strip(), line["metric"]] = number
            found.setdefault((line["dataset"], line["model"], line["metric"]), number)
    return found
