"""What the exact ways of forgetting would take, of which the cheapest is named: counts, shards, or training again."""

from __future__ import annotations

import time
from typing import NamedTuple

from recsys_cli.models.counts import CountedModel
from recsys_cli.training.build import build_learner, build_model, epochs_of
from recsys_cli.training.checkpoint import load
from recsys_cli.unlearning.restrict import without_held_out
from recsys_cli.unlearning.unit import VECTORS
from recsys_cli.unlearning.whole import change_of, is_whole

LONGEST = 1.0  # seconds of training steps that are timed


class Way(NamedTuple):
    """how: the seconds are known."""

    name: str
    seconds: float
    how: str

    def __str__(self) -> str:
        return f"{self.name}, about {self.seconds:.2g} s ({self.how})"


def ways(config, before, plan, generation) -> list[Way]:
    """The cheapest first. config: the root node. before: the rows of the state in the folder `generation`. plan: see
    `forget.make_plan`. Nothing is written."""
    left, found = plan.left.dataset, []
    if is_whole(config):
        seconds = _of_counts(config, before.dataset, left, generation)
        found += [Way("rows taken out of the counts", seconds, "tried in memory")] if seconds is not None else []
    else:
        of_shards = plan.shard_seconds + plan.aggregation_seconds
        found.append(Way(f"{len(plan.touched)} of {config.unlearning.shards} shards", of_shards, "by the record"))
    seconds, steps = training_seconds(config, left)
    found.append(Way("one model of all rows trained again", seconds, f"from {steps} steps timed now"))
    return sorted(found, key=lambda way: way.seconds)


def training_seconds(config, dataset) -> tuple[float, int]:
    """About how long one model of all rows would train, and of how many steps that is known. config: the root node."""
    began = time.perf_counter()
    model = build_model(config.model, without_held_out(dataset), config.seed)
    learner, epochs = build_learner(config, model), epochs_of(model, config)
    start = time.perf_counter()
    steps, done = learner.begin(0), min(1, epochs)
    per_epoch = time.perf_counter() - start
    if not steps or not epochs:
        return time.perf_counter() - began, 0
    total, per_step = learner.run(0, 1, 0.0), 0.0  # which compiles it
    first, timed, more = time.perf_counter() - began, 0.0, 1
    while done < steps and timed < LONGEST:
        last = min(done + more, steps)
        start = time.perf_counter()
        total = learner.run(done, last, total)
        timed += time.perf_counter() - start
        done, more = last, 2 * more
    if done > 1:
        per_step = timed / (done - 1)
    return first + per_step * (steps * epochs - 1) + per_epoch * (epochs - 1), done


def _of_counts(config, before, left, generation) -> float | None:
    model = build_model(config.model, without_held_out(left), config.seed)
    if not isinstance(model, CountedModel):
        return None
    for _ in range(2):  # the first time also makes ready what TensorFlow needs
        state = load(generation / "shards" / "0" / VECTORS).arrays
        began = time.perf_counter()
        if model.lose(state, change_of(before, left), config.unlearning.counts_mb) is None:
            return None
        if (seconds := time.perf_counter() - began) > LONGEST:
            break
    return seconds
