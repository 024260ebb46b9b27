"""The search of one model: which trials there are, which come next, and what each came to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from recsys_cli.jobs.job import DONE, FAILED, STOPPED, Event, Job
from recsys_cli.runs.metrics_log import METRICS, read_epochs
from recsys_cli.sweeps.curve import Curve, best_of, curve_of, given_up_at
from recsys_cli.sweeps.propose import propose
from recsys_cli.sweeps.settings import SearchSettings
from recsys_cli.sweeps.space import Space, words_of
from recsys_cli.sweeps.study import AGAIN, EPOCH, ERROR, RUN, Study, latest, number_of

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from recsys_cli.config.library import Library

# By construction: no trial has a test part, and none leaves more behind than is needed.
ALWAYS = ["evaluation.test=false", "evaluation.select=last", "tensorboard=false"]


@dataclass
class Search:
    """model: the row. words: of `recsys train` that all trials share. config: of these words. folder: of the sweep.

    metric: of the validation part; lower: whether less is better. wanted: trials in the end.
    """

    model: str
    words: list[str]
    config: DictConfig
    space: Space
    settings: SearchSettings
    metric: str
    lower: bool
    wanted: int
    seed: int
    folder: Path
    library: Library
    others: list[Curve] = field(default_factory=list)  # of complete trials
    running: dict[str, Any] = field(default_factory=dict)  # trials, by the names of their runs

    @cached_property
    def study(self) -> Study:
        folder = self.folder / self.model
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make {folder}: {error.strerror}. Choose another sweep_dir.") from error
        return Study(folder, self.lower)

    def trials(self) -> list[Any]:
        """The last try of each trial, in the order of the trials."""
        return list(latest(self.study.trials()).values())

    def jobs(self, retry: bool) -> Iterator[Job]:
        """Open trials first, then, if asked for, those that failed, then new ones."""
        trials = self.study.trials()
        self._learn(trials)
        for trial in trials:
            if not trial.state.is_finished():
                yield self._job(trial)
        for number, trial in latest(trials).items() if retry else ():
            if trial.state.name == "FAIL":
                again = self.study.begin(partial(_if_still, failed=trial), self.space, **{AGAIN: number})
                if again:
                    yield self._job(again)
        while trial := self.study.begin(self._next, self.space):
            yield self._job(trial)

    def hear(self, event: Event) -> bool:
        """Whether the trial is to be given up; keeps what it came to once it has ended."""
        trial = self.running[Path(event.job.config.run_dir).name]
        if event.kind == "epochs":
            return self._given_up(curve_of(event.epochs, self.metric)) is not None
        if event.outcome:
            self._end(trial, event)
        return False

    def run_of(self, trial: Any) -> Path:
        return self.folder / "runs" / trial.user_attrs[RUN]

    def job_words(self, params: dict[str, Any]) -> list[str]:
        """Of one trial, as for `recsys train`."""
        return [*self.words, *ALWAYS, *words_of(params, self.space)]

    def _next(self, before: Sequence[Any]) -> dict[str, Any] | None:
        trials = list(latest(list(before)).values())
        if len(trials) >= self.wanted:
            return None
        return propose(self.space, self.settings, self.seed, trials, self.lower)

    def _job(self, trial: Any) -> Job:
        run = self.run_of(trial)
        self.running[run.name] = trial
        words = [*self.job_words(trial.params), f"run_dir='{run}'"]
        config = Job.of(words, self.library).config
        shown = [f"model={self.model}", *words_of(trial.params, self.space)]
        return Job(shown, config, settled=lambda: self.study.trials()[trial.number].state.is_finished())

    def _given_up(self, curve: Curve) -> int | None:
        return given_up_at(curve, self.others, self.settings, self.config.trainer.epochs, self.lower)

    def _end(self, trial: Any, event: Event) -> None:
        outcome = event.outcome
        assert outcome
        if outcome.status == FAILED:
            self.study.end(trial.number, "FAIL", None, {}, **{ERROR: outcome.error})
        elif outcome.status in (*DONE, STOPPED):
            curve = curve_of(read_epochs(self.run_of(trial) / METRICS), self.metric)
            given_up = self._given_up(curve)
            curve = {e: v for e, v in curve.items() if given_up is None or e <= given_up}
            if not curve or not all(map(math.isfinite, curve.values())):
                self.study.end(trial.number, "FAIL", None, {}, **{ERROR: f"no finite {self.metric} on validation"})
            else:
                epoch, value = best_of(curve, self.lower)
                self.study.end(trial.number, "PRUNED" if given_up else "COMPLETE", value, curve, **{EPOCH: epoch})
        self._learn(self.study.trials())

    def _learn(self, trials: Sequence[Any]) -> None:
        self.others = [t.intermediate_values for t in trials if t.state.name == "COMPLETE"]


def _if_still(before: Sequence[Any], failed: Any) -> dict[str, Any] | None:
    """Its settings, unless another process has begun it again."""
    return failed.params if latest(list(before))[number_of(failed)].number == failed.number else None
