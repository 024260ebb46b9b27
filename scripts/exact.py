"""What a request costs where rows are taken out of counts: by part, in one process, on a run with unlearning=exact.

    python scripts/exact.py RUN [--times 20] [--seed 0]

Pairs and whole users, drawn at random; each alone, of the state as it is. Nothing is written into the run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    from recsys_cli.text import format_table
    from recsys_cli.unlearning.generation import Rows
    from recsys_cli.unlearning.matching import Selection
    from recsys_cli.unlearning.opening import open_unlearnable

    _, config, generations = open_unlearnable(given.run)
    folder, rows = generations.current / "shards" / "0", Rows.read(generations.current)
    random, none = np.random.default_rng(given.seed), np.zeros(0, np.int64)
    table = []
    for what in ("pair", "user"):
        found = []
        for number in range(given.times + 1):
            if what == "pair":
                selection = Selection(none, none, rows.pairs.keys[[random.integers(rows.pairs.nnz)]])
            else:
                selection = Selection(random.integers(rows.dataset.n_users, size=1), none, none)
            parts = one_request(config, folder, rows, selection)
            if number:  # the first one makes ready what TensorFlow needs
                found.append(parts)
        for part in found[0]:
            times = 1000 * np.array([parts[part] for parts in found])
            table.append(
                [what, part, *(f"{value:.1f}" for value in (np.median(times), *np.percentile(times, [95, 100])))]
            )
    print(f"{config.model.name} on {rows.dataset.name}, {given.times} requests of each kind, milliseconds")
    print(format_table(["one", "part", "median", "95 %", "most"], table))


def one_request(config, folder: Path, rows, selection) -> dict[str, float]:
    """Seconds of each part."""
    from recsys_cli.training.build import build_model
    from recsys_cli.training.checkpoint import load
    from recsys_cli.unlearning.forget import _remaining
    from recsys_cli.unlearning.restrict import without_held_out
    from recsys_cli.unlearning.unit import VECTORS, write_result
    from recsys_cli.unlearning.whole import change_of

    clock = Clock()
    left = _remaining(rows, selection, selection.of(rows.pairs)).dataset
    clock.lap("the rows that stay")
    state = load(folder / VECTORS).arrays
    clock.lap("reading the state, with its hash")
    model = build_model(config.model, without_held_out(left), config.seed)
    clock.lap("an empty model")
    kept = model.lose(state, change_of(rows.dataset, left), config.unlearning.counts_mb)
    assert kept is not None, "this model is trained again, whatever goes"
    clock.lap("UPDATE")
    with tempfile.TemporaryDirectory() as place:
        arrays = {name: variable.numpy() for name, variable in model.state().items()}
        write_result(Path(place) / "0", {}, arrays | kept, 0.0)
        clock.lap("writing the state, with its hash")
    return clock.laps


class Clock:
    def __init__(self):
        self.laps, self._start = {}, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._start = now - self._start, now


if __name__ == "__main__":
    main()
