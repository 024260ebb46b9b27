"""What forgetting costs: requests carried out on a copy of a run, beside full retraining (thesis table 6.4)."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Cost(NamedTuple):
    """shards: touched. Seconds: of the shards, of the aggregation, and of the whole request, with copying and hashing the
    data and the evaluation."""

    shards: int
    shard: float
    aggregation: float
    request: float

    @property
    def training(self) -> float:
        return self.shard + self.aggregation


class Batch(NamedTuple):
    """Requests of so many pairs each."""

    what: str
    pairs: int
    costs: list[Cost]

    def mean(self, name: str) -> float:
        return statistics.fmean(getattr(cost, name) for cost in self.costs)


class Measured(NamedTuple):
    batches: list[Batch]
    retraining: list[float]


def measure(
    path: Path, singles: int, batches: Sequence[int], retrainings: int, seed: int, say: Callable[[str], None]
) -> Measured:
    """Single pairs are forgotten one after the other, each on what the one before left; a batch on a fresh copy, of random
    pairs and of pairs of one shard. The run itself stays as it is."""
    random, found = np.random.default_rng(seed), []
    with a_copy(path) as run:
        rows, shards = run.rows, run.config.unlearning.shards
        places = random.choice(rows.pairs.nnz, singles, replace=False)
        pairs = [run.raw(place) for place in places]
        retraining = [run.retrain() for _ in range(retrainings)]
        costs = []
        for number, pair in enumerate(pairs, 1):
            costs.append(run.forget([pair]))
            mean = statistics.fmean(cost.training for cost in costs)
            say(f"deletion {number} of {len(pairs)}, mean {mean:.2f} s")
        if costs:
            found.append(Batch("one pair", 1, costs))
    for size in batches:
        kinds = {
            "random": np.arange(rows.pairs.nnz),
            "of one shard": np.flatnonzero(rows.assignment == random.integers(shards)),
        }
        for kind, among in kinds.items():
            with a_copy(path) as run:
                pairs = [run.raw(place) for place in random.choice(among, size, replace=False)]
                found.append(Batch(f"batch, {kind}", size, [run.forget(pairs)]))
            say(f"batch of {size} pairs, {kind}: {found[-1].mean('training'):.2f} s")
    return Measured(found, retraining)


class Copy:
    """A copy of a run, open."""

    def __init__(self, path: Path):
        from recsys_cli.unlearning.generation import Rows
        from recsys_cli.unlearning.opening import open_unlearnable

        self.path = path
        self.run, self.config, self.generations = open_unlearnable(str(path))
        self.config.trainer.progress = False
        self.rows = Rows.read(self.generations.current)

    def raw(self, place: int) -> tuple[str, str]:
        """Raw ids of a training pair."""
        dataset, pairs = self.rows.dataset, self.rows.pairs
        return str(dataset.user_ids[pairs.rows[place]]), str(dataset.item_ids[pairs.indices[place]])

    def forget(self, pairs: list[tuple[str, str]]) -> Cost:
        from recsys_cli.unlearning.forget import carry_out, make_plan
        from recsys_cli.unlearning.forget_file import read_rows
        from recsys_cli.unlearning.intake import take_in
        from recsys_cli.unlearning.matching import match

        file = self.path / "forget.csv"
        file.write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in pairs))
        began = time.perf_counter()
        found = match(read_rows(file), self.rows.dataset)
        taken = take_in(str(file), found, self.rows, [], ignore_missing=False)
        assert taken, "training pairs are there to be forgotten"
        requests, current = [taken.request], self.generations.current
        plan = make_plan(self.config, self.rows, requests, current, repartition=False)
        outcome = carry_out(
            self.run, self.generations, self.config, self.rows, requests, plan, repartition=False, say=lambda line: None
        )
        self.rows, built = outcome.rows, outcome.built
        return Cost(len(plan.touched), built.shard_seconds, built.aggregation_seconds, time.perf_counter() - began)

    def retrain(self) -> float:
        """Seconds of training one model on all rows."""
        from recsys_cli.unlearning.compare import retrain

        return retrain(self.path, self.config, self.rows.dataset).seconds


@contextmanager
def a_copy(run: Path) -> Iterator[Copy]:
    with tempfile.TemporaryDirectory(prefix="recsys-") as folder:
        shutil.copytree(run, Path(folder) / "run", symlinks=True)
        yield Copy(Path(folder) / "run")
