"""Conditions such as model=enmf, HR@10>=0.04 or data.validation!=none on the rows of a listing."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from data_prep.errors import UserError, nearest, similar
from data_prep.settings import shown
from recsys_cli.reports.listing import keys_of, value_of

CONDITION = re.compile(r"([\w.@-]+?)(>=|<=|!=|=|>|<)(.*)", re.DOTALL)
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


class Condition(NamedTuple):
    key: str
    sign: str
    value: str

    def holds(self, row: dict[str, Any]) -> bool:
        """A text may have * and ? in it; what a run does not have is unlike everything."""
        found = value_of(row, self.key)
        if self.sign in ORDERS:
            return found is not None and ORDERS[self.sign](*_comparable(found, self.value))
        same = _same(found, self.value)
        return same if self.sign == "=" else not same


def parse(word: str) -> Condition:
    found = CONDITION.fullmatch(word)
    if not found:
        raise UserError(
            f"'{word}' is no condition: write KEY=VALUE, KEY!=VALUE, 'KEY>=VALUE' or 'KEY<=VALUE', in quotes where it has "
            "< or >, such as recsys runs model=enmf 'HR@10>=0.04'."
        )
    return Condition(*found.groups())


def chosen(rows: list[dict[str, Any]], conditions: list[Condition]) -> list[dict[str, Any]]:
    """The rows for which all hold. Raises UserError for a key that no run has."""
    for condition in conditions:
        check_key(rows, condition.key, f"'{''.join(condition)}'")
    return [row for row in rows if all(condition.holds(row) for condition in conditions)]


def check_key(rows: list[dict[str, Any]], key: str, where: str) -> None:
    if rows and key not in (known := keys_of(rows)):
        raise UserError(
            f"no run here has {key!r} in {where}.{nearest(key, known) if similar(key, known, 0.54) else ''}"
        )


def ordered(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Ascending, or with - before the key descending; runs without it come last."""
    name = key.removeprefix("-")
    check_key(rows, name, f"sort={key}")
    there = [row for row in rows if value_of(row, name) is not None]
    numbers = all(isinstance(value_of(row, name), int | float) for row in there)
    there.sort(key=lambda row: value_of(row, name) if numbers else str(value_of(row, name)), reverse=key != name)
    return there + [row for row in rows if value_of(row, name) is None]


def _same(found: Any, text: str) -> bool:
    number = _number(text)
    if isinstance(found, int | float) and not isinstance(found, bool) and number is not None:
        return found == number
    return fnmatch.fnmatchcase(shown(found), text)


def _comparable(found: Any, text: str) -> tuple[Any, Any]:
    number = _number(text)
    return (found, number) if isinstance(found, int | float) and number is not None else (str(found), text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
