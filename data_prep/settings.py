"""Settings as types: a frozen dataclass whose fields say, in one place, type, default, bounds and meaning.

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        layers: int = field(3, "of propagation", low=1, high=100)

The command line's checks, completion, help and the keys of the config files follow from it. Nothing heavy here:
`recsys --help` imports this module.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import MISSING as NO_DEFAULT
from typing import Any, NamedTuple

from data_prep.errors import UserError, nearest
from data_prep.kinds import Bounds, Kind, kind_of_type, kind_of_value

MANDATORY = "???"  # OmegaConf's mark of a value that must be given
TARGET = "_target_"  # the class of a choice: in the config files beside its settings


class Field(NamedTuple):
    """One setting. fixed: it says what a choice is, not how it is set, and cannot be changed by itself."""

    name: str
    default: Any
    help: str
    kind: Kind | None
    fixed: bool


def field(default: Any, help: str, *, kind: Kind | None = None, fixed: bool = False, **bounds: Any) -> Any:
    """A field of a settings class.

    help: one line, in the words of a reader who does not know the code. kind: what it may hold, where its annotation
    and the bounds (low, above, high, below, choices, suggested; see kinds.Bounds) do not say it.
    """
    metadata = {"help": help, "kind": kind, "fixed": fixed, "bounds": Bounds(**bounds)}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def changed(base: type[Settings], name: str, default: Any) -> Any:
    """The field of a base class with another default, for a subclass that changes nothing else."""
    (found,) = (f for f in dataclasses.fields(base) if f.name == name)
    return dataclasses.field(default=default, metadata=found.metadata)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings classes: every value is checked when one is made. Raises UserError."""

    def __post_init__(self) -> None:
        for name, known in fields_of(type(self)).items():
            check_value(name, getattr(self, name), known.kind, known.default)

    @classmethod
    def from_config(cls, node: Any, group: str = "") -> Any:
        """From a node of a config, a mapping, or settings of this class; keys that it lacks get their default.

        group: what stands before the keys in messages. Raises UserError for a key that is no setting and for a value
        that is not of its kind.
        """
        if isinstance(node, cls):
            return node
        values = {str(key): value for key, value in plain(node).items() if key != TARGET}
        known, prefix = fields_of(cls), f"{group}." if group else ""
        for key, value in values.items():
            if key not in known:
                raise UserError(f"unknown key '{prefix}{key}'.{nearest(key, known)}")
            check_value(prefix + key, value, known[key].kind, known[key].default)
        return cls(**values)


def plain(node: Any) -> dict[str, Any]:
    """A node of OmegaConf, with its references resolved, or any other mapping as a dict."""
    if isinstance(node, dict):
        return node
    if not hasattr(node, "_metadata"):
        return dict(node)
    from omegaconf import OmegaConf

    return typing.cast(dict[str, Any], OmegaConf.to_container(node, resolve=True))


_fields: dict[type, Mapping[str, Field]] = {}


def fields_of(cls: type[Settings]) -> Mapping[str, Field]:
    """The settings of a class by name, those of its base classes first."""
    if cls not in _fields:
        _fields[cls] = {f.name: _field(f) for f in dataclasses.fields(cls)}
    return _fields[cls]


def _field(f: dataclasses.Field) -> Field:
    default = f.default if f.default_factory is NO_DEFAULT else f.default_factory()
    default = MANDATORY if default is NO_DEFAULT else default
    about = f.metadata
    kind = about.get("kind") or kind_of_type(f.type, about.get("bounds", Bounds())) or kind_of_value(default)
    return Field(f.name, default, about.get("help", ""), kind, about.get("fixed", False))


def check_value(key: str, value: Any, kind: Kind | None, default: Any, source: str = "") -> None:
    """Raises UserError for a value not of this kind. source: the word or file that sets it."""
    if kind is None or value == MANDATORY or kind.accepts(value):
        return
    received = repr(value) if isinstance(value, str) else shown(value)
    hint = nearest(value, kind.choices) if isinstance(value, str) and kind.closed else ""
    raise UserError(
        f"{key}: expected {kind.valid}, received {received} ({type(value).__name__})"
        + (f" from '{source}'" if source else "")
        + f"; default {shown(default)}"
        + (f".{hint}" if hint and "Did" in hint else "")
    )


def shown(value: object) -> str:
    """A value as it would be typed."""
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str).replace('"', "")
