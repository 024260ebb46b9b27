"""The next trial, from those before it and the seed alone: the same after a kill as without."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from typing import Any

from recsys_cli.sweeps.settings import SearchSettings
from recsys_cli.sweeps.space import Space, combinations, size

DRAWS = 100  # before a combination that was not tried yet is looked for otherwise


def propose(space: Space, search: SearchSettings, seed: int, before: Sequence[Any], lower: bool) -> dict[str, Any]:
    """before: trials as of Optuna, in the order of their numbers, those that run included. lower: is better.

    No combination comes twice. The caller sees to it that there is another one (`size`).
    """
    import optuna

    tried = [trial.params for trial in before]
    if search.method == "grid":
        return next(params for params in combinations(space) if params not in tried)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            sampler=_sampler(search, seed, len(before)), direction="minimize" if lower else "maximize"
        )
        study.add_trials(before)
        distributions = {d.key: d.distribution for d in space}
        for _ in range(DRAWS):
            if (params := study.ask(distributions).params) not in tried:
                return params
    return next(params for params in combinations(space) if params not in tried)


def _sampler(search: SearchSettings, seed: int, number: int):
    from optuna.samplers import RandomSampler, TPESampler

    own = int.from_bytes(hashlib.sha256(f"sweep {seed} {number}".encode()).digest()[:4], "little")
    if search.method == "random":
        return RandomSampler(seed=own)
    return TPESampler(seed=own, n_startup_trials=search.startup, constant_liar=True)


def most_trials(space: Space, search: SearchSettings, budget: int | None) -> int:
    """How many there will be: a grid has all, and no space more than it has combinations."""
    wanted = size(space) if search.method == "grid" and budget is None else budget or search.trials
    return int(min(wanted, size(space)))
