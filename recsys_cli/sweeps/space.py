"""What is searched: keys of `recsys train` with the values or ranges that they may take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from data_prep.errors import UserError, nearest
from data_prep.settings import Field, check_value, shown
from recsys_cli.config.check import fixed

RANGES = ("log", "uniform", "int")
FORMS = "[a,b,c], [log,low,high], [uniform,low,high] or [int,low,high]"


class Dimension(NamedTuple):
    """kind: choice (values: all of them) or one of RANGES (values: low and high)."""

    key: str
    kind: str
    values: tuple[Any, ...]

    @property
    def distribution(self):
        """Of Optuna, which takes plain values only: lists stand as JSON."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.kind == "choice":
            return CategoricalDistribution([v if _is_plain(v) else json.dumps(v) for v in self.values])
        low, high = self.values
        return (
            IntDistribution(low, high) if self.kind == "int" else FloatDistribution(low, high, log=self.kind == "log")
        )

    def __str__(self) -> str:
        values = ",".join(map(shown, self.values))
        return f"{self.key}=[{values}]" if self.kind == "choice" else f"{self.key}=[{self.kind},{values}]"


Space = Sequence[Dimension]


def read_space(stated: Mapping[str, Any], known: Mapping[str, Field], defaults: Mapping[str, Any]) -> Space:
    """stated: by dotted keys; null: not searched. known, defaults: what `recsys train` has, by dotted keys.

    Raises UserError for keys that do not exist, values that they cannot have, and forms that are none.
    """
    space = []
    for key, spec in stated.items():
        if spec is None:
            continue
        if key not in defaults or fixed(key, known):
            raise UserError(f"sweep.space.{key}: there is no such setting.{nearest(key, list(defaults))}")
        dimension = _dimension(key, spec)
        for value in dimension.values:
            kind = known[key].kind if key in known else None
            check_value(key, value, kind, defaults[key], f"sweep.space.{dimension}")
        space.append(dimension)
    return sorted(space)


def _dimension(key: str, spec: Any) -> Dimension:
    values = list(spec) if isinstance(spec, list | tuple) else [spec]
    if values and values[0] in RANGES and isinstance(values[0], str):
        kind, ends = values[0], values[1:]
        fits = (
            len(ends) == 2 and all(isinstance(v, int | float) and math.isfinite(v) for v in ends) and ends[0] < ends[1]
        )
        if not fits or (kind == "log" and ends[0] <= 0) or (kind == "int" and any(v != int(v) for v in ends)):
            raise UserError(
                f"sweep.space.{key}: {shown(values)} is no range; write [{kind},low,high] with numbers, the lower first"
                + (", above 0" if kind == "log" else "")
            )
        return Dimension(key, kind, tuple(int(v) if kind == "int" else float(v) for v in ends))
    if not values or len({json.dumps(v) for v in values}) < len(values):
        raise UserError(f"sweep.space.{key}: {shown(values)} must be different values; write {FORMS}")
    return Dimension(key, "choice", tuple(values))


def size(space: Space) -> float:
    """Combinations; infinite with a range of real numbers."""
    counts = [len(d.values) if d.kind == "choice" else d.values[1] - d.values[0] + 1 for d in space if _counts(d)]
    return math.prod(counts) if all(map(_counts, space)) else math.inf


def _counts(dimension: Dimension) -> bool:
    return dimension.kind in ("choice", "int")


def combinations(space: Space) -> list[dict[str, Any]]:
    """All of a space that has an end, the last key changing fastest; values as in `Dimension.distribution`."""
    axes = [d.distribution.choices if d.kind == "choice" else range(d.values[0], d.values[1] + 1) for d in space]
    return [dict(zip([d.key for d in space], values)) for values in product(*axes)]


def words_of(params: Mapping[str, Any], space: Space) -> list[str]:
    """As a person would type them; keys and values as Optuna has them."""
    texts = {d.key for d in space if d.kind == "choice" and not all(map(_is_plain, d.values))}
    found = {
        key: json.loads(value) if key in texts and isinstance(value, str) else value for key, value in params.items()
    }
    return [f"{key}={_typed(value)}" for key, value in sorted(found.items())]


def _typed(value: Any) -> str:
    return repr(value) if isinstance(value, float) else shown(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
