"""What a setting may hold: a test, and the same in words."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Kind:
    """valid: the allowed values in words, as in "expected ...". choices: for completion; closed: there are no others."""

    valid: str
    accepts: Callable[[Any], bool]
    choices: tuple[str, ...] = ()
    closed: bool = False


class Bounds(NamedTuple):
    """What limits a setting beyond its type.

    Numbers, and those in a list or mapping: low <= value <= high, above < value < below. Texts: one of choices, or any
    text, of which suggested are offered; pattern: a regular expression, and what it means in words.
    """

    low: float | None = None
    above: float | None = None
    high: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()
    pattern: tuple[str, str] | None = None

    def holds(self, value: float) -> bool:
        return (
            math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        signs = zip((">=", ">", "<=", "<"), self[:4])
        return "".join(
            f" {'and ' * bool(n)}{s} {v}" for n, (s, v) in enumerate((s, v) for s, v in signs if v is not None)
        )


BOOLEAN = Kind("true or false", lambda v: type(v) is bool, ("true", "false"), closed=True)
NULL = Kind("null", lambda v: v is None, ("null",), closed=True)


def one_of(*choices: str) -> Kind:
    return Kind("one of " + ", ".join(choices) if len(choices) > 1 else choices[0], choices.__contains__, choices, True)


def either(*kinds: Kind) -> Kind:
    """Any of several kinds."""
    choices = tuple(c for kind in kinds for c in kind.choices)
    valid = ", or ".join(kind.valid for kind in kinds)
    return Kind(valid, lambda v: any(k.accepts(v) for k in kinds), choices, all(k.closed for k in kinds))


def or_null(kind: Kind | None) -> Kind | None:
    return kind if kind is None or kind.accepts(None) else either(kind, NULL)


def matching(pattern: str, valid: str) -> Kind:
    return Kind(valid, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None)


def listed(each: Kind | None, *, empty: bool = False) -> Kind:
    """A list of these; empty: it may be empty."""
    return Kind(
        "a list such as [a,b]" + (f", each {each.valid}" if each else ""),
        lambda v: (
            isinstance(v, Sequence)
            and not isinstance(v, str)
            and (empty or len(v) > 0)
            and (each is None or all(map(each.accepts, v)))
        ),
    )


def kind_of_type(annotation: Any, bounds: Bounds) -> Kind | None:
    """The kind of an annotation such as ``int | None`` or ``list[str]``; None where it says nothing."""
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, dict(vars(typing)))
        except (NameError, TypeError, SyntaxError, AttributeError):
            return None
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        parts = [part for t in inner if (part := kind_of_type(t, bounds))]
        return either(*parts) if len(parts) == len(inner) else None
    if origin is typing.Literal:
        return one_of(*inner)
    if annotation in (None, type(None)):
        return NULL
    if annotation is bool:
        return BOOLEAN
    if annotation is int:
        return Kind(f"an integer{bounds}", lambda v: type(v) is int and bounds.holds(v))
    if annotation is float:
        return Kind(f"a number{bounds}", lambda v: type(v) in (int, float) and bounds.holds(v))
    if annotation is str:
        return _text(bounds)
    if (origin or annotation) is list:
        return listed(kind_of_type(inner[0], bounds) if inner else None, empty=not inner or inner[0] is str)
    if (origin or annotation) is dict:
        return _mapping(inner[1] if inner else None, bounds)
    return None


def kind_of_value(value: Any) -> Kind | None:
    """What may stand in place of a value of which nothing else is known; None: anything."""
    if isinstance(value, list):
        inner = {type(x) for x in value}
        return listed(kind_of_value(value[0]) if len(inner) == 1 else None, empty=True)
    if isinstance(value, str):
        return Kind("a text (quote it if it looks like a number)", lambda v: isinstance(v, str))
    return kind_of_type(type(value), Bounds()) if value is not None else None


def _text(bounds: Bounds) -> Kind:
    if bounds.choices:
        return one_of(*bounds.choices)
    if bounds.pattern:
        return matching(*bounds.pattern)
    return Kind("a text", lambda v: isinstance(v, str) and v != "", bounds.suggested)


def _mapping(values: Any, bounds: Bounds) -> Kind:
    """values: the annotation of its values; None: anything."""
    if values is None:
        return Kind("a mapping such as {a:1,b:2}", lambda v: isinstance(v, dict))
    each = kind_of_type(values, bounds)
    inner = each.accepts if each else lambda v: True
    if values is str:
        return Kind("a mapping such as {genres:'|'}", lambda v: isinstance(v, dict) and all(map(inner, v.values())))
    if values is float:
        valid = f"a mapping such as {{cart:0.8,buy:0.2}} of numbers{bounds}"
        return Kind(valid, lambda v: isinstance(v, dict) and bool(v) and all(map(inner, v.values())))
    return Kind(
        "a mapping such as {cart:[view],buy:[cart]}", lambda v: isinstance(v, dict) and all(map(inner, v.values()))
    )
