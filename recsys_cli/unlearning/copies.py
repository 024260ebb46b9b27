"""A copy of a run that can forget, to be changed as one likes: the run itself stays as it is."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Model, Scorer
from recsys_cli.runs.directory import Run
from recsys_cli.unlearning.forget import carry_out, make_plan
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.generation import Rows, open_model
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.intake import take_in
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.matching import match
from recsys_cli.unlearning.membership import full_seconds
from recsys_cli.unlearning.opening import check_unlearnable, method_of, open_unlearnable, refuse_other_config
from recsys_cli.unlearning.requests import Request


class Cost(NamedTuple):
    """shards: touched. Seconds: of the shards, of the aggregation, of the whole request (with copying and hashing the
    data and the evaluation), and of the evaluation in it."""

    shards: int
    shard: float
    aggregation: float
    request: float
    scoring: float

    @property
    def training(self) -> float:
        return self.shard + self.aggregation


class Source(NamedTuple):
    """A run that can forget, as it was read. config: its root node. identity: of its current state."""

    path: Path
    config: DictConfig
    dataset: Dataset
    identity: str


def read_source(path: Path) -> Source:
    """Without a change to the run. Raises UserError for one that cannot forget."""
    run, config = Run.read(path)
    check_unlearnable(run, config)
    generations = Generations(run.path)
    generations.refuse_strange()
    refuse_other_config(run.path, generations.current)
    ledger = read_ledger(generations.current)
    return Source(run.path, config, Rows.read(generations.current).dataset, ledger["id"])


def rows_and_ledger(run: Path, settings: Mapping[str, Any]) -> tuple[Dataset | None, dict[str, Any] | None]:
    """What the current state of a run has, and its ledger; None where the run cannot forget. settings: of its config."""
    if method_of(settings) == "none":
        return None, None
    current = Generations(run).current
    return Rows.read(current).dataset, read_ledger(current)


class Audited(NamedTuple):
    """A run with its rows and its model. seconds: of one training from scratch, by its record."""

    config: DictConfig
    identity: str
    rows: Rows
    scorer: Scorer
    seconds: float


def read_for_audit(path: Path) -> Audited:
    """As `read_source`."""
    source = read_source(path)
    current = Generations(source.path).current
    rows, model = open_model(current, source.config)
    return Audited(source.config, source.identity, rows, model.scorer(), full_seconds(source.config, current))


class Copy:
    """A copy of a run, open."""

    def __init__(self, path: Path):
        self.path = path
        self.run, self.config, self.generations = open_unlearnable(str(path))
        self.config.trainer.progress = False
        self.rows = Rows.read(self.generations.current)

    @property
    def state(self) -> int:
        """The number of the current state: one more for everything that was carried out."""
        return self.generations.next - 1

    def raw(self, place: int) -> tuple[str, str]:
        """Raw ids of a training pair."""
        dataset, pairs = self.rows.dataset, self.rows.pairs
        return str(dataset.user_ids[pairs.rows[place]]), str(dataset.item_ids[pairs.indices[place]])

    def forget(self, contents: Sequence[Content]) -> Cost | None:
        """Carries out what they ask for together; None where nothing of it is there any more."""
        began = time.perf_counter()
        requests: list[Request] = []
        for content in contents:
            taken = take_in("", match(content, self.rows.dataset), self.rows, requests, ignore_missing=True)
            requests += [taken.request] if taken else []
        if not requests:
            return None
        plan = make_plan(self.config, self.rows, requests, self.generations.current, repartition=False)
        with redirect_stdout(io.StringIO()):  # digests and receipts of a copy are of no use
            outcome = carry_out(
                self.run, self.generations, self.config, self.rows, requests, plan, repartition=False, say=_quiet
            )
        self.rows, built = outcome.rows, outcome.built
        seconds = time.perf_counter() - began
        return Cost(
            len(plan.touched), built.shard_seconds, built.aggregation_seconds, seconds, outcome.built.result.seconds
        )

    def drop_unfinished(self) -> None:
        """Removes what a kill left of the next state: to go on from it would take less time than it costs."""
        self.generations.sweep(unfinished=True)

    def cost_by_the_record(self) -> Cost:
        """Of what led to the current state, as far as its ledger knows: training alone."""
        ledger = read_ledger(self.generations.current)
        shard = sum(ledger["shards"][k]["seconds"] for k in ledger["touched"])
        aggregation = ledger["aggregation"]["seconds"]
        return Cost(len(ledger["touched"]), shard, aggregation, shard + aggregation, 0.0)

    def model(self) -> Model:
        return open_model(self.generations.current, self.config)[1]


def copy_run(run: Path, to: Path) -> None:
    """The copy is complete or absent. Raises UserError where the run is in use, or the disk full."""
    partial = to.with_name(f"{to.name}.partial")
    held, _ = Run.read(run)  # nobody changes it while it is copied
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(held.path, partial, symlinks=True)
        partial.rename(to)
    except OSError as error:
        raise UserError(f"cannot copy {run} to {to}: {error.strerror or error}.") from None
    finally:
        del held


@contextmanager
def a_copy(run: Path) -> Iterator[Copy]:
    """For as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="recsys-") as folder:
        copy_run(run, Path(folder) / "run")
        yield Copy(Path(folder) / "run")


def _quiet(line: str) -> None:
    pass
