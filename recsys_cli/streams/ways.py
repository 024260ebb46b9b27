"""Ways to serve requests, each in a folder of its own from which it goes on after a kill.

A way is asked for batch after batch; it keeps what it has done with the cost of it, so that a batch is never carried out
twice. Exact: the result is that of training on the rest. The others are there for contrast, and are not.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from data_prep.files import write_file
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Scorer
from recsys_cli.streams.approximate import METHODS, Settings, build_with
from recsys_cli.streams.left import emptied, seen_by
from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning.copies import Copy, Cost, copy_run
from recsys_cli.unlearning.forget_file import Content, together
from recsys_cli.unlearning.opening import NOT_EXACT

PROGRESS = "progress.json"


class Spent(NamedTuple):
    """What a batch cost. seconds: all but scoring. shards: touched; None where there are none. recorded: the seconds are
    those of training alone, by the record of the run, as a kill came before they were kept."""

    seconds: float
    shards: int | None = None
    recorded: bool = False


class Way(Protocol):
    """spent: of the batches that are done, in order."""

    spent: list[Spent]

    def forget(self, requests: Sequence[Content]) -> None:
        """Carries out the next batch, to last."""

    def scorer(self, left: Dataset) -> Scorer:
        """As the model is now, by the ids of what remains."""


class OfRun:
    """A run that can forget, as `recsys unlearn` does it, on a copy."""

    def __init__(self, folder: Path, run: Path):
        self._folder, self._run = folder, folder / "run"
        self.spent, state = _read(folder)
        if not self._run.exists():
            copy_run(run, self._run)
        self._copy = Copy(self._run)
        self._copy.drop_unfinished()
        if state is None:
            self._keep()
        elif self._copy.state > state:  # killed before the cost was kept
            self._add(self._copy.cost_by_the_record(), recorded=True)

    def forget(self, requests: Sequence[Content]) -> None:
        cost = self._copy.forget(together(requests))
        self._add(cost or Cost(0, 0.0, 0.0, 0.0, 0.0))

    def scorer(self, left: Dataset) -> Scorer:
        here = self._copy.rows.dataset
        assert here.user_ids.tolist() == left.user_ids.tolist(), "a copy that forgot other rows than were asked"
        assert here.item_ids.tolist() == left.item_ids.tolist(), "a copy that forgot other rows than were asked"
        return self._copy.model().scorer()

    def _add(self, cost: Cost, *, recorded: bool = False) -> None:
        self.spent.append(Spent(max(0.0, cost.request - cost.scoring), cost.shards, recorded))
        self._keep()

    def _keep(self) -> None:
        _write(self._folder, self.spent, self._copy.state)


class Approximate:
    """One model that is changed after each batch by a method of approximate.py. Not exact."""

    def __init__(
        self, folder: Path, method: str, config: Any, dataset: Dataset, original: Callable[[], Path], settings: Settings
    ):
        """original: gives the file of the parameters of a model that was trained on all of `dataset`."""
        self._folder, self._config, self._settings = folder, config, settings
        ledger = {"method": method, "exact": False, "said": "nobody can show that anything was forgotten"}
        write_file(folder / NOT_EXACT, (json.dumps(ledger, indent=1) + "\n").encode())
        self._method, self._dataset = METHODS[method], dataset
        self.spent, done = _read(folder)
        self._before = dataset
        self._arrays = load(self._file(done) if done else original()).arrays

    def begin_after(self, requests: Sequence[Content]) -> None:
        """requests: those of the batches that are done."""
        self._before = emptied(self._dataset, requests)

    def forget(self, requests: Sequence[Content]) -> None:
        began = time.perf_counter()
        after = emptied(self._before, requests)
        self._arrays = self._method(
            self._config, self._arrays, self._before, after, self._settings, self._folder / "training"
        )
        self._before = after
        self.spent.append(Spent(time.perf_counter() - began))
        save(self._file(len(self.spent)), self._arrays, {})
        _write(self._folder, self.spent, len(self.spent))
        self._remove(len(self.spent) - 1)

    def scorer(self, left: Dataset) -> Scorer:
        model = build_with(self._config, self._before, self._arrays)
        return seen_by(model.scorer(), self._before, left)

    def _file(self, done: int) -> Path:
        return self._folder / f"parameters-{done}.npz"

    def _remove(self, done: int) -> None:
        for file in (self._file(done), self._file(done).with_suffix(".sha256")):
            file.unlink(missing_ok=True)


def spent_in(folder: Path) -> list[Spent]:
    """On the batches that a way has done in a folder."""
    return _read(folder)[0]


def clear(folder: Path) -> None:
    """Removes what a way needs no more when all is scored: copies of runs, and parameters."""
    for place in ("run", "run.partial", "training"):
        shutil.rmtree(folder / place, ignore_errors=True)
    for file in folder.glob("parameters-*"):
        file.unlink()


def _read(folder: Path) -> tuple[list[Spent], int | None]:
    """What is done, and the number of the state that it led to; None where nothing was begun."""
    try:
        kept = json.loads((folder / PROGRESS).read_text())
    except FileNotFoundError:
        return [], None
    return [Spent(*one) for one in kept["spent"]], kept["state"]


def _write(folder: Path, spent: Sequence[Spent], state: int) -> None:
    write_file(folder / PROGRESS, (json.dumps({"spent": spent, "state": state}) + "\n").encode())
