"""One checked config from a command and its overrides: Hydra composes, we apply and check the values."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from data_prep.errors import UserError
from data_prep.options import read_options
from data_prep.settle import settled
from recsys_cli.config.check import apply_override, check_keys, check_tuned, check_values, tree
from recsys_cli.config.consistency import check_consistency, resumed, weigh_chosen_behaviours
from recsys_cli.config.library import TUNED, Library, check_choice, flatten
from recsys_cli.config.named import name_code
from recsys_cli.config.overrides import chosen, expand, is_group, parse, refuse_sweeps, typed

if TYPE_CHECKING:
    from omegaconf import DictConfig

WRITTEN = ("run_dir", "output", "out", "per_user")


def compose(
    command: str, words: list[str], library: Library, partial: bool = False, quick: bool | None = None
) -> DictConfig:
    """The config of one job.

    words: overrides in Hydra's syntax, no sweeps. partial: leave mandatory keys (``???``) open, for printing. quick: read
    the files ourselves instead of letting Hydra compose them, which gives the same many times faster; None: where all
    files are ours, as those of a user may hold what Hydra alone understands, or has to refuse.
    Raises UserError for whatever is unknown, malformed, out of range, missing or contradictory.
    """
    from omegaconf.errors import OmegaConfBaseException

    overrides = parse(words, command, library)
    refuse_sweeps(overrides)
    groups = [o for o in overrides if is_group(o, command, library)]
    picks = tuple(_pick(o, command, library) for o in groups)
    values = [o for o in overrides if o not in groups and not o.key_or_group.startswith("hydra.")]
    hydra_words = tuple(typed(o) for o in overrides if o.key_or_group.startswith("hydra."))

    quick = len(library.roots) == 1 if quick is None else quick
    simple = quick and not hydra_words
    cfg = _from_files(command, picks, library) if simple else _with_tuned(command, picks + hydra_words, library)
    try:
        defaults = tree(cfg)
        known = library.fields(command, flatten(defaults))
        check_keys(cfg, known, command, library)
        for override in values:
            apply_override(cfg, override, defaults, known, command, library)
        check_values(cfg, known)
    except OmegaConfBaseException as error:
        raise UserError(_unresolved(error)) from None
    if "source" in (cfg.get("data") or {}):
        for key, value in settled(tree(cfg)["data"]).items():
            cfg.data[key] = value
    given = frozenset(o.key_or_group for o in overrides)
    weigh_chosen_behaviours(cfg, given)
    check_consistency(cfg, given, library)
    name_code(cfg.get("evaluation", {}).get("metrics") or [])
    if cfg.get("resume"):
        cfg = resumed(cfg, given)
    if not partial:
        _refuse_missing(cfg, command, library)
        if "source" in (cfg.get("data") or {}):
            read_options(cfg.data)
    return cfg


def _unresolved(error: Exception) -> str:
    """In words, without what only OmegaConf's own people can use."""
    text = next(iter(str(error).splitlines()), "")
    key = getattr(error, "full_key", None)
    if found := re.search(r"Environment variable '([^']*)' not found", text):
        text = (
            f"the environment variable {found[1]} is not set: set it, or give a default by ${{oc.env:{found[1]},VALUE}}"
        )
    return f"cannot resolve {key or 'the config'}: {text}"


def jobs(command: str, words: list[str], library: Library, partial: bool) -> list[tuple[list[str], DictConfig]]:
    """Words and config of every job of ``--multirun``: the first starts when all are right."""
    overrides = parse(words, command, library)
    found = [(job, compose(command, job, library, partial)) for job in expand(overrides, library)]
    for key in WRITTEN:
        paths = [cfg[key] for _, cfg in found if cfg.get(key)]
        if len(set(paths)) < len(paths):
            raise UserError(f"{key}={paths[0]}: {len(paths)} jobs would write there, one over the other")
    return found


def _pick(override: Any, command: str, library: Library) -> str:
    """The override of a group as Hydra wants it, after a look at whether there is such a group and choice."""
    group, word = override.key_or_group, typed(override)
    if group.startswith("hydra/"):
        return word
    known = library.defaults(command)
    if group not in known:
        takes = "takes no groups" if not known else "takes the groups " + ", ".join(known)
        raise UserError(f"unknown group '{group}' in '{word}': recsys {command} {takes}")
    if override.is_delete():
        if group != TUNED:
            raise UserError(f"'{word}': a group cannot be removed, only chosen: {group}=CHOICE")
        return word
    check_choice(library, group, chosen(override))
    return f"{group}='{chosen(override)}'"


def _with_tuned(command: str, words: tuple[str, ...], library: Library) -> DictConfig:
    """The config before single values are set; tuned values are checked against the config without them."""
    composed, choices = _hydra_compose(command, words, library)
    if library.load(f"{TUNED}/{choices.get(TUNED)}"):
        groups = library.defaults(command)
        usual = library.values(command, {g: c for g, c in choices.items() if g in groups} | {TUNED: ""})
        check_tuned(usual, tree(composed), library.fields(command, usual), f"{TUNED}/{choices[TUNED]}")
    return deepcopy(composed)


def _from_files(command: str, picks: tuple[str, ...], library: Library) -> DictConfig:
    """picks: as of `_pick`. The tuned values of shipped files are not checked again."""
    from omegaconf import OmegaConf

    chosen = {group: choice.strip("'") for group, _, choice in (pick.partition("=") for pick in picks)}
    if any(pick.startswith("~") for pick in picks):  # of what can be removed there is but one
        chosen[TUNED] = ""
    cfg = OmegaConf.create(deepcopy(library.stated(command, chosen)))
    OmegaConf.set_struct(cfg, True)
    return cfg


@cache
def _hydra_compose(command: str, words: tuple[str, ...], library: Library) -> tuple[DictConfig, dict[str, str]]:
    """The config of the command, completed by the defaults of all settings, and the choice of every group."""
    import hydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    # Hydra 1.3 warns where it is left out, and those from 1.4 on where it is given.
    behaviour = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}
    search = ",".join(f"'file://{root}'" for root in library.roots[1:])
    try:
        with hydra.initialize_config_dir(str(library.roots[0]), **behaviour):
            words = (*words, f"hydra.searchpath=[{search}]")
            cfg = hydra.compose(command, list(words), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise UserError("cannot compose the config: " + " ".join(str(error).split())) from None
    choices = dict(cfg.hydra.runtime.choices)
    with open_dict(cfg):
        del cfg["hydra"]
    stated = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False))
    completed = OmegaConf.create(library.completed(command, stated))
    OmegaConf.set_struct(completed, True)
    return completed, choices


def _refuse_missing(cfg: DictConfig, command: str, library: Library) -> None:
    from omegaconf import OmegaConf

    for key in sorted(OmegaConf.missing_keys(cfg)):
        footer = library.load(command)["hydra"]["help"]["footer"]
        example = next((line.strip() for line in footer.splitlines() if f"{key}=" in line), f"{key}=VALUE")
        raise UserError(f"'{key}' must be given, for example: {example}")
