"""What forgetting costs in a trained run that can forget, beside one full retraining in the same call (thesis table 6.4).

    python scripts/deletions.py --run runs/erasable --singles 100 --batches 1 10 100 1000 --out results/benchmarks/deletions

Single deletions of random training pairs are carried out one after the other, each on what the one before left. A
batch of requests is carried out together on a fresh copy of the run: random pairs, or concentrated ones, all from one
shard. `total` is training (the shards and the aggregation, as in the thesis), `request` the whole of it, with copying
and hashing the data and the evaluation. The runs themselves stay as they are.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.report import format_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="runs trained with unlearning=...")
    parser.add_argument("--singles", type=int, default=100, help="single deletions")
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="sizes of batches of requests")
    parser.add_argument("--retrainings", type=int, default=1, help="full retrainings to compare with")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of pairs")
    parser.add_argument("--out", type=Path, required=True, help="path without ending; .csv and .txt are written")
    args = parser.parse_args()
    table = [line for path in args.run for line in measure(path, args)]
    text = format_table(list(table[0]), [list(line.values()) for line in table])
    print(text)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out.with_suffix(".csv"), "w", newline="") as stream:
        writer = csv.DictWriter(stream, table[0])
        writer.writeheader()
        writer.writerows(table)
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    command = "python scripts/deletions.py " + " ".join(sys.argv[1:])
    args.out.with_suffix(".txt").write_text(f"{machine}: {command}\n\n{text}\n")


def measure(path: Path, args) -> list[dict[str, str]]:
    random = np.random.default_rng(args.seed)
    table = []

    def add(what: str, pairs: int, costs: list[tuple]) -> None:
        table.append({**about, **line_of(what, pairs, costs, retrained)})

    with a_copy(path) as run:
        rows, n_shards = run.rows, run.config.unlearning.shards
        about = {"run": f"{run.config.model.name} {run.config.unlearning.name} {n_shards}", "data": rows.dataset.name}
        pairs = [run.raw(place) for place in random.choice(rows.pairs.nnz, args.singles, replace=False)]
        retrained = [run.retrain() for _ in range(args.retrainings)]
        add("full retraining", 0, [(0, 0.0, 0.0, seconds) for seconds in retrained])
        costs = []
        for number, pair in enumerate(pairs, 1):
            costs.append(run.forget([pair]))
            mean = statistics.fmean(cost[1] + cost[2] for cost in costs)
            print(f"\rdeletion {number}/{len(pairs)}, mean {mean:.2f} s", end="\n" * (number == len(pairs)), flush=True)
        if costs:
            add("one pair", 1, costs)
    for size in args.batches:
        places = {
            "random": np.arange(rows.pairs.nnz),
            "concentrated": np.flatnonzero(rows.assignment == random.integers(n_shards)),
        }
        for kind, among in places.items():
            with a_copy(path) as run:
                pairs = [run.raw(place) for place in random.choice(among, size, replace=False)]
                add(f"{kind} batch", size, [run.forget(pairs)])
    return table


def line_of(what: str, pairs: int, costs: list[tuple], retrained: list[float]) -> dict[str, str]:
    """costs: shards touched, seconds of the shards, of the aggregation, of the whole request, for each request."""
    touched, shards, aggregation, request = (list(column) for column in zip(*costs))
    line = {
        "what": what,
        "pairs": str(pairs or ""),
        "times": str(len(costs)),
        "shards touched": "",
        "shard s": "",
        "aggregation s": "",
        "total s (min/med/max)": spread(request),
        "total s": f"{statistics.fmean(request):.2f}",
        "s per pair": "",
        "request s": "",
        "retraining / total": "",
    }
    if pairs:
        total = [a + b for a, b in zip(shards, aggregation)]
        mean = statistics.fmean(total)
        line |= {
            "shards touched": f"{statistics.fmean(touched):.1f}",
            "shard s": f"{statistics.fmean(shards):.2f}",
            "aggregation s": f"{statistics.fmean(aggregation):.2f}",
            "total s (min/med/max)": spread(total),
            "total s": f"{mean:.2f}",
            "s per pair": f"{mean / pairs:.3f}",
            "request s": f"{statistics.fmean(request):.2f}",
            "retraining / total": f"{statistics.fmean(retrained) / mean:.1f}",
        }
    return line


def spread(seconds: list[float]) -> str:
    return f"{min(seconds):.2f}/{statistics.median(seconds):.2f}/{max(seconds):.2f}"


class Copy:
    """A copy of a run, open."""

    def __init__(self, path: Path):
        from recsys_cli.unlearning.generation import Rows
        from recsys_cli.unlearning.opening import open_unlearnable

        self.path = path
        self.run, self.config, self.generations = open_unlearnable(str(path))
        self.rows = Rows.read(self.generations.current)

    def raw(self, place: int) -> tuple[str, str]:
        """Raw ids of a training pair."""
        dataset, pairs = self.rows.dataset, self.rows.pairs
        return str(dataset.user_ids[pairs.rows[place]]), str(dataset.item_ids[pairs.indices[place]])

    def forget(self, pairs: list[tuple[str, str]]) -> tuple[int, float, float, float]:
        """Shards touched, seconds of the shards, of the aggregation, and of the whole request."""
        from recsys_cli.unlearning.forget import carry_out, make_plan
        from recsys_cli.unlearning.forget_file import read_rows
        from recsys_cli.unlearning.intake import take_in
        from recsys_cli.unlearning.matching import match

        file = self.path / "forget.csv"
        file.write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in pairs))
        began = time.perf_counter()
        found = match(read_rows(file), self.rows.dataset)
        requests = [take_in(str(file), found, self.rows, [], ignore_missing=False).request]
        plan = make_plan(self.config, self.rows, requests, self.generations.current, repartition=False)
        outcome = carry_out(
            self.run, self.generations, self.config, self.rows, requests, plan, repartition=False, say=lambda line: None
        )
        self.rows, built = outcome.rows, outcome.built
        return len(plan.touched), built.shard_seconds, built.aggregation_seconds, time.perf_counter() - began

    def retrain(self) -> float:
        """Seconds of training one model on all rows."""
        from recsys_cli.unlearning.compare import retrain

        return retrain(self.path, self.config, self.rows.dataset).seconds


@contextmanager
def a_copy(run: Path) -> Iterator[Copy]:
    from recsys_cli.training.device import set_up_device

    with tempfile.TemporaryDirectory(prefix="recsys-") as folder:
        shutil.copytree(run, Path(folder) / "run", symlinks=True)
        copy = Copy(Path(folder) / "run")
        copy.config.trainer.progress = False
        set_up_device(copy.config.device)
        yield copy


if __name__ == "__main__":
    main()
