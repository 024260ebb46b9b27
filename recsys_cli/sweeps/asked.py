"""From the words of `recsys sweep` to the searches, one for each model, checked before anything is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data_prep.errors import UserError, similar
from data_prep.settings import plain
from recsys_cli.config.compose import compose
from recsys_cli.config.library import Library, check_choice, flatten
from recsys_cli.config.overrides import parse, refuse_sweeps, typed
from recsys_cli.evaluation.names import first_metric, lower_is_better
from recsys_cli.jobs.identity import job_hash
from recsys_cli.sweeps.propose import most_trials
from recsys_cli.sweeps.search import ALWAYS, Search
from recsys_cli.sweeps.settings import SearchSettings
from recsys_cli.sweeps.space import read_space

if TYPE_CHECKING:
    from omegaconf import DictConfig

GROUP, SPACE = "sweep", "sweep.space"
REFUSED = {
    "run_dir": "trials have run directories in the folder of the sweep: sweep_dir=...",
    "runs_dir": "trials have run directories in the folder of the sweep: sweep_dir=...",
    "resume": "call the same sweep again: it goes on where it was",
    "tensorboard": "`recsys train` with the tuned file writes it",
    "evaluation.test": "a sweep never opens the test part",
    "evaluation.select": "a trial is as good as its best epoch on validation",
    "unlearning": "tune without it, and use what is found with it",
}


class Words(NamedTuple):
    """own: settings of the sweep by key. search: those below `sweep.`, space: those below `sweep.space.`; train: words."""

    own: dict[str, Any]
    search: dict[str, Any]
    space: dict[str, Any]
    train: list[str]


def sort_words(words: list[str], own: Sequence[str], library: Library) -> Words:
    """own: keys of the sweep itself. Raises UserError."""
    overrides = parse(words, "sweep", library)
    refuse_sweeps([o for o in overrides if not o.key_or_group.startswith(f"{SPACE}.")])
    found = Words({}, {}, {}, [])
    for override in overrides:
        key = override.key_or_group
        if advice := next((REFUSED[k] for k in (key, key.partition(".")[0]) if k in REFUSED), None):
            raise UserError(f"'{typed(override)}' is nothing for a sweep: {advice}")
        if key in own:
            found.own[key] = override.value()
        elif key.startswith(f"{SPACE}."):
            refuse_sweeps([override])
            found.space[key.removeprefix(f"{SPACE}.")] = override.value()
        elif key.startswith(f"{GROUP}."):
            found.search[key.removeprefix(f"{GROUP}.")] = override.value()
        elif key == GROUP:
            raise UserError(f"'{typed(override)}': the space is that of the model; change it by {SPACE}.KEY=[...]")
        elif key not in library.defaults("train") and (near := similar(key, own)):
            raise UserError(f"unknown key '{key}' in '{typed(override)}'. Did you mean '{near[0]}'?")
        else:
            found.train.append(typed(override))
    return found


def searches(words: Words, models: Sequence[str], budget: int | None, seed: int, library: Library) -> list[Search]:
    """One for each model; the folder is still to be chosen."""
    found = []
    for model in models:
        check_choice(library, "model", model)
        found.append(_search(model, words, budget, seed, library))
    return found


def _search(model: str, words: Words, budget: int | None, seed: int, library: Library) -> Search:
    own = [w for w in words.train if w.partition("=")[0] not in ("model", "seed")]
    base = [f"model={model}", *own, f"seed={seed}"]
    config = compose("train", base, library)
    if config.data.validation in (None, "none"):
        base.append("data.validation=leave_one_out")
    config = compose("train", [*base, *ALWAYS], library)
    stated = library.group_values(GROUP, model) or {}
    given = {w.partition("=")[0] for w in own}
    settings = SearchSettings.from_config(stated | words.search, GROUP)
    space = {k: v for k, v in flatten(settings.space).items() if k not in given} if settings.space else {}
    values = flatten(plain(config))
    dimensions = read_space(space | words.space, library.fields("train", values), values)
    if not dimensions:
        why = settings.unsearched or f"configs/sweep/{model}.yaml names nothing that is not given already"
        raise UserError(f"model={model} has nothing to search: {why}. Name a key: {SPACE}.KEY=[a,b,c]")
    if settings.method == "grid" and any(d.kind in ("log", "uniform") for d in dimensions):
        named = next(d for d in dimensions if d.kind in ("log", "uniform"))
        raise UserError(f"sweep.method=grid takes every combination, and {named} has no end of them: list its values")
    wanted = most_trials(dimensions, settings, budget)
    metric = config.trainer.monitor or first_metric(config.evaluation)
    lower = _lower(metric, config)
    return Search(model, base, config, dimensions, settings, metric, lower, wanted, seed, Path(), library)


def _lower(metric: str, config: DictConfig) -> bool:
    if any("." in name for name in config.evaluation.metrics):  # of one's own, which has to be imported
        from recsys_cli.evaluation.own import is_lower_better

        return is_lower_better(metric, config.evaluation.metrics)
    return lower_is_better(metric)


def identity(found: Sequence[Search]) -> dict[str, Any]:
    """What makes a sweep another one; how many trials it has does not."""
    return {search.model: _identity(search) for search in found}


def _identity(search: Search) -> Mapping[str, Any]:
    rule = vars(search.settings)
    return {
        "job": job_hash(search.config),
        "space": [str(dimension) for dimension in search.space],
        "rule": {k: rule[k] for k in sorted(rule) if k not in ("space", "unsearched", "trials")},
        "metric": search.metric,
    }


def usual_folder(found: Sequence[Search], sweeps_dir: str) -> Path:
    """The same for the same words, so that a sweep goes on when it is called again."""
    names = "-".join(search.model for search in found) if len(found) < 4 else f"{len(found)}-models"
    digest = hashlib.sha256(json.dumps(identity(found), sort_keys=True).encode()).hexdigest()[:8]
    return Path(sweeps_dir).expanduser() / f"{names}-{found[0].config.data.name}-{digest}"
