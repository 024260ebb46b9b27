"""Every key exists and every value is of the right kind, or one sentence says which and what is near."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from data_prep.errors import UserError, nearest, similar
from data_prep.kinds import Kind, kind_of_value
from data_prep.settings import MANDATORY, TARGET, Field, shown
from data_prep.settings import check_value as check_kind
from recsys_cli.config.library import Library, flatten
from recsys_cli.config.overrides import typed
from recsys_cli.config.schema import class_of

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

Known = Mapping[str, Field]


def tree(cfg: DictConfig) -> dict[str, Any]:
    """The config as plain nested values; mandatory ones not yet given are '???'."""
    from omegaconf import OmegaConf

    return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False))


def apply_override(
    cfg: DictConfig, override: Override, defaults: dict[str, Any], known: Known, command: str, library: Library
) -> None:
    """Sets one value in cfg. defaults: the nested values before any was set."""
    key, word = override.key_or_group, typed(override)
    if key not in _places(defaults):
        elsewhere = _elsewhere(key, library)
        hint = elsewhere or _hint(key, defaults, list(library.defaults(command)))
        raise UserError(f"unknown key '{key}' in '{word}'.{hint}")
    if fixed(key, known):
        group = key.partition(".")[0]
        raise UserError(f"'{word}': {key} belongs to the choice of {group}: choose another {group}=...")
    if override.is_delete():
        raise UserError(f"'{word}': a key cannot be removed, only set: {key}=VALUE")
    _set(cfg, key, override.value(), defaults, known, word)


def check_keys(cfg: DictConfig, known: Known, command: str, library: Library) -> None:
    """The chosen files have no key that their settings lack."""
    for group in library.defaults(command):
        chosen = cfg.get(group)
        if not chosen or class_of(group, chosen, library.sources) is None:
            continue
        for name in chosen:
            if f"{group}.{name}" not in known:
                expected = {group: {n: v for n, v in tree(chosen).items() if f"{group}.{n}" in known}}
                hint = _hint(f"{group}.{name}", expected)
                raise UserError(f"unknown key '{group}.{name}' in the chosen {group} file.{hint}")


def check_values(cfg: DictConfig, known: Known) -> None:
    """Every value in the config, from whatever file, is of its kind."""
    values = tree(cfg)
    there = _places(values)
    for key, found in known.items():
        group, dot, _ = key.partition(".")
        source = f"the chosen {group} file" if dot else "the config files"
        if key in there:
            check_kind(key, lookup(values, key), found.kind, found.default, source)


def check_tuned(usual: dict[str, Any], tuned: dict[str, Any], known: Known, name: str) -> None:
    """tuned/<name>.yaml sets only keys that exist without it, to values of the right kind. usual: by dotted keys."""
    source = f"{name}.yaml"
    for key in flatten(tuned):
        if not any(key == usually or key.startswith(usually + ".") for usually in usual):
            raise UserError(f"unknown key '{key}' in {source}.{_hint(key, usual)}")
    for key, default in usual.items():
        check_value(key, lookup(tuned, key), default, known, source)


def fixed(key: str, known: Known) -> bool:
    """Whether it says what a choice is: changed only by choosing another."""
    return key.endswith(f".{TARGET}") or (key in known and known[key].fixed)


def kind_of(key: str, default: Any, known: Known) -> Kind | None:
    """What a key may hold: by its settings, else by the type of its default; None (default null): anything."""
    if key in known:
        return known[key].kind
    return kind_of_value(default)


def check_value(key: str, value: Any, default: Any, known: Known, source: str) -> None:
    """source: the word or file that sets the value."""
    check_kind(key, value, kind_of(key, default, known), default, source)


def lookup(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def _places(values: dict[str, Any]) -> set[str]:
    """The dotted keys of all values, and of the mappings that they stand in."""
    return {".".join(key.split(".")[:n]) for key in flatten(values) for n in range(1, key.count(".") + 2)}


def _set(cfg: DictConfig, key: str, value: Any, defaults: dict[str, Any], known: Known, word: str) -> None:
    """A mapping is merged key by key, unless it is one setting or replaces an empty one."""
    from omegaconf import OmegaConf

    default = lookup(defaults, key)
    if isinstance(value, dict) and isinstance(default, dict) and default and key not in known:
        for name, inner in value.items():
            if name not in default:
                raise UserError(f"unknown key '{key}.{name}' in '{word}'.{nearest(str(name), default)}")
            _set(cfg, f"{key}.{name}", inner, defaults, known, word)
        return
    kind = kind_of(key, default, known)
    if kind and not kind.accepts(value) and kind.accepts([value]):
        value = [value]  # evaluation.k=10 is a list of one
    OmegaConf.update(cfg, key, value, merge=False)
    check_value(key, _resolved(cfg, key), default, known, word)


def _resolved(cfg: DictConfig, key: str) -> Any:
    """What `lookup(tree(cfg), key)` is, without a look at the rest of the config."""
    from omegaconf import OmegaConf

    value = OmegaConf.select(cfg, key, default=MANDATORY)
    if not OmegaConf.is_config(value):
        return value
    return OmegaConf.to_container(value, resolve=True, throw_on_missing=False)


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
        or [k for k in siblings if similar(last, [_last(k)])]
        or [k for k in [*values, *groups] if similar(last, [_last(k)], 0.75)]
    )[:3]
    if near:
        told = [f"'{k}' (default {shown(values[k])})" if k in values else f"the group '{k}'" for k in near]
        return " Did you mean " + " or ".join(told) + "?"
    if siblings:
        return " There are " + ", ".join(f"{k} (default {shown(values[k])})" for k in siblings) + "."
    return nearest(key, defaults)


def _last(key: str) -> str:
    return key.rpartition(".")[2]
