"""`recsys sweep`: searches the settings of one model or of several, by validation, each with the same number of trials."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from data_prep.files import read_file, write_file
from data_prep.settings import Settings, field, fields_of

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recsys_cli.sweeps.search import Search

ASKED = "sweep.json"


@dataclass(frozen=True)
class SweepSettings(Settings):
    """Beside these, and those below `sweep`, every setting of `recsys train` can be given: it holds for all trials."""

    models: list[str] = field([], "several models, each with the same number of trials, in place of model=...")
    budget: int | None = field(None, "trials of each model; null: as its file in configs/sweep says", low=1)
    jobs: int = field(1, "trials at a time, each in a process of its own", low=1, high=64)
    seed: int = field(0, "of the search and of every trial", low=0)
    sweeps_dir: str = field("sweeps", "where folders of sweeps are made")
    sweep_dir: str | None = field(None, "null: SWEEPS_DIR/MODEL-DATA-ID, the same for the same words")
    plan: bool = field(False, "say what would be done, and stop")
    retry: bool = field(False, "train the trials again that failed")


def main(words: list[str]) -> int:
    from recsys_cli.sweeps.asked import usual_folder

    settings, found = _asked(words)
    folder = Path(settings.sweep_dir) if settings.sweep_dir else usual_folder(found, settings.sweeps_dir)
    for search in found:
        search.folder = folder
    print(f"{folder}: " + ("goes on" if (folder / ASKED).exists() else "a new sweep"))
    for search in found:
        print(_bounds(search))
    _optuna()
    if settings.plan and not folder.exists():
        print(f"{sum(s.wanted for s in found)} trials; call it without plan=true for the time that it takes")
        return 0
    _keep(folder, found)
    return _run(found, settings)


def configs(words: list[str]) -> list[tuple[list[str], DictConfig]]:
    """The words and the config that the trials of each model share."""
    return [(search.words, search.config) for search in _asked(words)[1]]


def _asked(words: list[str]) -> tuple[SweepSettings, list[Search]]:
    from recsys_cli.config.library import library
    from recsys_cli.sweeps.asked import searches, sort_words

    configs = library()
    sorted_ = sort_words(words, list(fields_of(SweepSettings)), configs)
    settings = SweepSettings.from_config(sorted_.own)
    picked = [w.partition("=")[2].strip("'\"") for w in sorted_.train if w.startswith("model=")]
    if settings.models and picked:
        raise UserError("give model=... or models=[...], not both")
    models = list(dict.fromkeys(map(str, settings.models))) or picked[-1:] or [str(configs.defaults("sweep")["model"])]
    return settings, searches(sorted_, models, settings.budget, settings.seed, configs)


def _run(found: Sequence[Search], settings: SweepSettings) -> int:
    from recsys_cli.jobs import Event, Job, exit_code, run_jobs
    from recsys_cli.jobs.display import Display
    from recsys_cli.sweeps.estimate import seconds_of_a_trial

    seconds = [seconds_of_a_trial(search) for search in found]
    print(_cost(found, seconds, settings.jobs), flush=True)
    if settings.plan:
        return 0
    by_model = {search.model: search for search in found}
    # Which settings a trial will have is not known yet, but how many trials come, and of which model, is.
    to_come = [
        Job([f"model={search.model}"], search.config, seconds=each)
        for search, each in zip(found, seconds)
        for _ in range(_to_do(search, settings.retry))
    ]
    display = Display(settings.jobs, to_come)

    def hear(event: Event) -> bool:
        display(event)
        return by_model[event.job.words[0].partition("=")[2]].hear(event)

    jobs = (job for search in found for job in search.jobs(settings.retry))
    try:
        outcomes = run_jobs(jobs, settings.jobs, hear)
    finally:
        display.close()
    interrupted = next((o.code for o in outcomes if o.status in ("interrupted", "not run")), 0)
    return _tell(found, interrupted or exit_code(outcomes))


def _tell(found: Sequence[Search], code: int) -> int:
    """Tables, files, and what to do next; 0 where every model has a trial that is complete."""
    from recsys_cli.sweeps.report import best_trial, rule, table, write_page, write_trials
    from recsys_cli.sweeps.study import number_of
    from recsys_cli.sweeps.tuned import train_words, write_tuned

    trials = [search.trials() for search in found]
    used = []
    for search, its in zip(found, trials):
        print("\n" + table(search, its))
        best = best_trial(search, its)
        used.append(train_words(search) if best else "")
        if best:
            head = [
                f"{search.metric} {best.value:.4f} on validation, trial {number_of(best)} of {len(its)}; {rule(search)}."
            ]
            path = write_tuned(search, best, [*head, *(f"Searched: {d}" for d in search.space)])
            print(f"tuned: {path}\n  {used[-1]}")
    write_trials(found, trials)
    write_page(found, trials, used)
    print(f"report: {found[0].folder / 'report.html'}")
    return code if code > 128 else 0 if all(used) else code or 2


def _bounds(search: Search) -> str:
    from recsys_cli.sweeps.report import rule

    return "\n".join([f"{search.model}: {rule(search)}", *(f"  {dimension}" for dimension in search.space)])


def _to_do(search: Search, retry: bool) -> int:
    """Trials that are not ended yet."""
    ended = [t for t in search.trials() if t.state.is_finished() and not (retry and t.state.name == "FAIL")]
    return max(0, search.wanted - len(ended))


def _cost(found: Sequence[Search], seconds: Sequence[float | None], jobs: int) -> str:
    """How many trials are left, and what they will take."""
    from recsys_cli.text import duration

    left = [_to_do(search, False) for search in found]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = f"{sum(left)} of {sum(search.wanted for search in found)} trials to do"
    known = [count * each for count, each in zip(left, seconds) if each is not None]
    if len(known) < len(found):
        return f"{text}; how long they take is told once the first ones have run"
    # With several at a time each has fewer cores; small data gains more by that than it loses.
    time, work = duration(sum(known)), f"{sum(known) * cores / 3600:.2g} core hours"
    return f"{text}: at most about {time}, {work} ({jobs} at a time, {cores} cores)"


def _keep(folder: Path, found: Sequence[Search]) -> None:
    """Makes the folder, or sees to it that it is of this sweep."""
    from recsys_cli.runs.environment import code_hash
    from recsys_cli.sweeps.asked import identity

    asked: dict[str, Any] = {"identity": identity(found), "code": code_hash()}
    path = folder / ASKED
    try:
        before = json.loads(read_file(path))
    except (FileNotFoundError, NotADirectoryError):
        before = None
    except (OSError, ValueError):
        raise UserError(f"{path} is damaged: remove it, and the sweep goes on with the same words.") from None
    if before is not None:
        if not isinstance(before, dict) or before.get("identity") != asked["identity"]:
            raise UserError(
                f"sweep_dir={folder} holds another sweep: other models, settings, space or rule. Choose another."
            )
        if before.get("code") != asked["code"]:
            print("warning: the trials so far were made by another version of the program; those to come may differ")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error.strerror}. Choose another sweep_dir.") from error
    write_file(path, (json.dumps(asked, indent=1, sort_keys=True) + "\n").encode())


def _optuna() -> None:
    from importlib.util import find_spec

    from recsys_cli.sweeps.study import INSTALL

    if find_spec("optuna") is None:
        raise UserError(INSTALL)
