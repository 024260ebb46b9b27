"""Every key exists and every value is of the right kind, or one sentence says which and what is near."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError, nearest
from recsys_cli.config.library import Library, flatten
from recsys_cli.config.overrides import shown
from recsys_cli.config.rules import fixed, kind_of, rule_for

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

MISSING = "???"
# Every choice of these groups has the keys of the default choice; those of the others differ by choice.
SAME_KEYS = ("trainer", "device", "evaluation")


def tree(cfg: DictConfig) -> dict[str, Any]:
    """The config as plain nested values; mandatory ones not yet given are '???'."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)


def apply_override(
    cfg: DictConfig, override: Override, defaults: dict[str, Any], command: str, library: Library
) -> None:
    """Sets one value in cfg. defaults: the nested values before any was set."""
    key, word = override.key_or_group, override.input_line
    if not _exists(defaults, key):
        elsewhere = _elsewhere(key, library)
        hint = elsewhere or _hint(key, defaults, list(library.defaults(command)))
        raise UserError(f"unknown key '{key}' in '{word}'.{hint}")
    if fixed(key):
        group = key.partition(".")[0]
        raise UserError(f"'{word}': {key} belongs to the choice of {group}: choose another {group}=...")
    if override.is_delete():
        raise UserError(f"'{word}': a key cannot be removed, only set: {key}=VALUE")
    _set(cfg, key, override.value(), defaults, word)


def check_rules(cfg: DictConfig, defaults: dict[str, Any]) -> None:
    """Every value in the config, from whatever file, obeys the table of rules."""
    values = tree(cfg)
    for key, default in flatten(defaults).items():
        if rule_for(key):
            check_value(key, lookup(values, key), default, "the config files")


def check_same_keys(cfg: DictConfig, command: str, library: Library) -> None:
    """A choice of one's own for trainer, device or evaluation has neither unknown nor missing keys."""
    usual = library.values(command)
    values = flatten(tree(cfg))
    for group in SAME_KEYS:
        expected = {key for key in usual if key.startswith(group + ".")}
        found = {key for key in values if key.startswith(group + ".")}
        for key in sorted(found - expected):
            raise UserError(f"unknown key '{key}' in the chosen {group} file.{_hint(key, usual)}")
        for key in sorted(expected - found):
            raise UserError(f"the chosen {group} file lacks '{key}': let it start with 'defaults: [...]'")
        for key in expected:
            check_value(key, values[key], usual[key], f"the chosen {group} file")


def check_tuned(plain: dict[str, Any], tuned: dict[str, Any], name: str) -> None:
    """tuned/<name>.yaml sets only keys that exist without it, to values of the right kind."""
    usual = flatten(plain)
    source = f"{name}.yaml"
    for key in flatten(tuned):
        if not any(key == known or key.startswith(known + ".") for known in usual):
            raise UserError(f"unknown key '{key}' in {source}.{_hint(key, plain)}")
    for key, default in usual.items():
        check_value(key, lookup(tuned, key), default, source)


def check_value(key: str, value: Any, default: Any, source: str) -> None:
    """source: the word or file that sets the value."""
    kind = kind_of(key, default)
    if kind and value != MISSING and not kind.accepts(value):
        received = repr(value) if isinstance(value, str) else shown(value)
        raise UserError(
            f"{key}: expected {kind.valid}, received {received} ({type(value).__name__}) "
            f"from '{source}'; default {shown(default)}"
        )


def lookup(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def _exists(values: dict[str, Any], key: str) -> bool:
    return key in flatten(values) or any(known.startswith(key + ".") for known in flatten(values))


def _set(cfg: DictConfig, key: str, value: Any, defaults: dict[str, Any], word: str) -> None:
    """A mapping is merged key by key, unless a rule or an empty default takes it whole."""
    from omegaconf import OmegaConf

    default = lookup(defaults, key)
    if isinstance(value, dict) and isinstance(default, dict) and default and not rule_for(key):
        for name, inner in value.items():
            if name not in default:
                raise UserError(f"unknown key '{key}.{name}' in '{word}'.{nearest(str(name), default)}")
            _set(cfg, f"{key}.{name}", inner, defaults, word)
        return
    kind = kind_of(key, default)
    if kind and not kind.accepts(value) and kind.accepts([value]):
        value = [value]  # evaluation.k=10 is a list of one
    OmegaConf.update(cfg, key, value, merge=False)
    check_value(key, lookup(tree(cfg), key), default, word)


def _elsewhere(key: str, library: Library) -> str:
    """A hint where another choice of the group has this key."""
    group, _, name = key.partition(".")
    having = [c for c in library.choices(group) if name in flatten(library.group_values(group, c))]
    return f" It exists with {group}={f' or {group}='.join(having[:3])}." if having else ""


def _hint(key: str, defaults: dict[str, Any], groups: Iterable[str] = ()) -> str:
    """The nearest key with its full name and default, by the whole name or by its last part."""
    values = flatten(defaults)
    top, _, last = key.rpartition(".")
    siblings = [k for k in values if top and k.startswith(top + ".")]
    near = (
        [k for k in values if _last(k) == last]
        or [k for k in siblings if difflib.get_close_matches(last, [_last(k)])]
        or [k for k in [*values, *groups] if difflib.get_close_matches(last, [_last(k)], cutoff=0.75)]
    )[:3]
    if near:
        told = [f"'{k}' (default {shown(values[k])})" if k in values else f"the group '{k}'" for k in near]
        return " Did you mean " + " or ".join(told) + "?"
    if siblings:
        return " There are " + ", ".join(f"{k} (default {shown(values[k])})" for k in siblings) + "."
    return nearest(key, defaults)


def _last(key: str) -> str:
    return key.rpartition(".")[2]
