"""What forgetting costs: requests carried out on a copy of a run, beside full retraining (thesis table 6.4)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recsys_cli.unlearning.compare import retrain
from recsys_cli.unlearning.copies import Copy, Cost, a_copy


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
        retraining = [retrain(run.path, run.config, rows.dataset).seconds for _ in range(retrainings)]
        costs = []
        for number, pair in enumerate(pairs, 1):
            costs.append(_forget(run, [pair]))
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
                found.append(Batch(f"batch, {kind}", size, [_forget(run, pairs)]))
            say(f"batch of {size} pairs, {kind}: {found[-1].mean('training'):.2f} s")
    return Measured(found, retraining)


def _forget(run: Copy, pairs: list[tuple[str, str]]) -> Cost:
    cost = run.forget([("pairs", list(pairs))])
    assert cost, "training pairs are there to be forgotten"
    return cost
