"""The trials of one model in a study of Optuna, in the folder of the sweep: what several processes share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import open_file
from recsys_cli.sweeps.curve import Curve
from recsys_cli.sweeps.space import Space

FILE, LOCK = "study.db", ".lock"
RUN, ERROR, EPOCH, AGAIN = "run", "error", "best_epoch", "again"  # what is kept of a trial beside Optuna's own
INSTALL = "recsys sweep needs Optuna: pip install 'recsys[sweep]'"


class Study:
    """Every call reads or writes the file anew, under a lock; lower: whether less is better."""

    def __init__(self, folder: Path, lower: bool):
        self.folder, self.lower = folder, lower
        self._study: Any = None

    def trials(self) -> list[Any]:
        """As Optuna has them, in the order of their numbers."""
        with self._open() as study:
            return study.get_trials(deepcopy=True)

    def begin(self, propose: Callable[[list[Any]], dict[str, Any] | None], space: Space, **facts: Any) -> Any:
        """A new trial of what `propose` makes of those before it, or None if it makes nothing."""
        import optuna

        with self._open() as study:
            before = study.get_trials(deepcopy=False)
            if (params := propose(before)) is None:
                return None
            distributions = {d.key: d.distribution for d in space}
            study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.RUNNING,
                    params=params,
                    distributions=distributions,
                    user_attrs={RUN: f"{self.folder.name}-{len(before):04d}", **facts},
                )
            )
            return study.get_trials(deepcopy=False)[len(before)]

    def end(self, number: int, state: str, value: float | None, curve: Curve, **facts: Any) -> bool:
        """state: COMPLETE, PRUNED or FAIL. False where another process has ended it already."""
        from optuna.trial import Trial, TrialState

        with self._open() as study:
            frozen = study.get_trials(deepcopy=False)[number]
            if frozen.state.is_finished():
                return False
            trial = Trial(study, frozen._trial_id)
            for key, fact in facts.items():
                trial.set_user_attr(key, fact)
            for epoch, reached in curve.items():
                trial.report(reached, epoch)
            study.tell(number, value if state == "COMPLETE" else None, TrialState[state])
            return True

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with _locked(self.folder / LOCK), _explained(self.folder / FILE):
            yield self._study or self._load()

    def _load(self):
        try:
            import optuna
        except ImportError:
            raise UserError(INSTALL) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = (self.folder / FILE).resolve()
        self._study = optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name=self.folder.name,
            direction="minimize" if self.lower else "maximize",
            load_if_exists=True,
        )
        return self._study


def latest(trials: list[Any]) -> dict[int, Any]:
    """By the number of the first try, the last try of each trial: those that failed may have been trained again."""
    found: dict[int, Any] = {}
    for trial in trials:
        found[number_of(trial)] = trial
    return found


def number_of(trial: Any) -> int:
    """By which a person knows it: that of its first try."""
    return trial.user_attrs.get(AGAIN, trial.number)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        handle = open_file(path, flags=os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}. Choose another sweep_dir.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("sqlalchemy", "sqlite3", "optuna", "alembic")):
            raise
        reason = " ".join(str(error).split("\n")[0].split())[:200]
        raise UserError(
            f"cannot use {path}: {reason}. If it is damaged, move it aside and call again: the trials are taken from their "
            "runs, and none that is finished is trained again."
        ) from error
