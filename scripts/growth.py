"""How preparation, training and ranking grow with the data: `scripts/benchmark.py --growth 1e5 1e6 1e7`.

Generated data of n buys has n / 50 users and n / 500 items, so that 1e8 has 2 million and 200 thousand; ENMF takes 64
steps an epoch. Preparation, training with ranking, and unlearning are each a process of their own, whose peak memory is
its own; the ranking is full, of a sample of users, with its interval. Seconds are those of the processor (all threads),
which a busy machine changes least, and those of the clock beside them.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.text import format_table

STEPS = 64
SAMPLE = 10_000  # users that are ranked
SLOPES = {"prepare cpu s": "prepare", "epoch cpu s": "epoch", "MB train": "memory of training"}


def run(args) -> None:
    """args: of benchmark.py. A size of which only the first stages are in the table, because it was broken off, goes on
    with the next one; other sizes stay as they are."""
    rows = {int(float(row["interactions"])): row for row in there(args.out)}
    for n in map(int, args.growth):
        stages = [name for name in STAGES if name != "unlearn" or n <= args.unlearn_up_to]
        scratch = Path(args.scratch or tempfile.gettempdir()) / f"recsys-growth-{n}"
        row = rows.get(n, {})
        if not scratch.exists() or MADE[stages[-1]] in row:
            row = {"interactions": f"{n:.0e}".replace("e+0", "e")}
        words = [*words_of(n), *args.set, f"data.cache_dir={scratch}"]
        for stage in stages:
            if MADE[stage] not in row:
                row |= _worker(stage, words, args)
                rows[n] = row
                write([rows[size] for size in sorted(rows)], args.out, args.note)
        shutil.rmtree(scratch)
        print(format_table(list(row), [list(row.values())]), flush=True)


def there(out: Path) -> list[dict[str, str]]:
    """What was measured before."""
    if not (out / "growth.csv").exists():
        return []
    with (out / "growth.csv").open(newline="") as stream:
        return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(stream)]


def words_of(n: int) -> list[str]:
    users, items = max(n // 50, 10), max(n // 500, 400)
    return [
        "model=enmf",
        "data=synthetic",
        "data.behaviours=[buy]",
        f"data.interactions={n}",
        f"data.users={users}",
        f"data.items={items}",
        f"trainer.batch_size={-(-users // STEPS)}",
        f"evaluation.users={SAMPLE}",
        f"device.threads={len(os.sched_getaffinity(0))}",
    ]


def _worker(stage: str, words: list[str], args) -> dict[str, str]:
    command = [sys.executable, __file__, stage, str(args.epochs), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{stage} failed: {shlex.join(command)}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _timed(row: dict[str, str], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    row[f"{name} s"] = f"{time.perf_counter() - wall:.2f}"
    row[f"{name} cpu s"] = f"{time.process_time() - cpu:.2f}"


def prepare(config, epochs: int) -> dict[str, str]:
    import pandas as pd  # as every command that reads files has it

    from data_prep.prepare import prepare
    from data_prep.store import read_manifest
    from recsys_cli.runs.environment import peak_memory_mb

    base, row = peak_memory_mb(), {}
    assert pd
    with _timed(row, "prepare"):
        directory = prepare(config.data)
    statistics = read_manifest(directory)["statistics"]
    names = {"users": statistics["users"], "items": statistics["items"], "train": statistics["train"]["buy"]}
    return {name: str(count) for name, count in names.items()} | row | {"MB prepare": f"{peak_memory_mb() - base:.0f}"}


def train(config, epochs: int) -> dict[str, str]:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)
    import tensorflow as tf

    from recsys_cli.data.load import get_dataset
    from recsys_cli.evaluation.summary import intervals
    from recsys_cli.runs.environment import peak_memory_mb
    from recsys_cli.training.build import build_learner, build_model
    from recsys_cli.training.selection import score

    tf.random.stateless_uniform([1], [0, 0])
    base, row = peak_memory_mb(), {}
    dataset = get_dataset(config.data)
    model = build_model(config.model, dataset, config.seed)
    learner = build_learner(config, model)
    timings = []
    for epoch in range(epochs + 1):  # the first warms up
        timings.append({})
        with _timed(timings[-1], "epoch"):
            learner.run(0, learner.begin(epoch), 0.0)
    row |= min(timings[1:] or timings, key=lambda timing: float(timing["epoch cpu s"]))
    row["MB train"] = f"{peak_memory_mb() - base:.0f}"
    with _timed(row, "ranking"):
        result = score(config.evaluation, model, dataset, "test", config.seed)
    found = intervals(result.per_user, config.evaluation.bootstrap, config.seed)["NDCG@100"]
    row |= {"ranked users": str(len(result.users)), "NDCG@100": f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"}
    return row | {"MB in all": f"{peak_memory_mb() - base:.0f}"}


def unlearn(config, epochs: int) -> dict[str, str]:
    """Ten shards, one epoch each: the plan, and one pair less. Whole commands, timed by the clock."""
    import numpy as np

    from data_prep.prepare import prepare
    from data_prep.store import read_manifest

    directory = prepare(config.data)
    starts, items = (np.load(directory / f"train.buy.{name}.npy", mmap_mode="r") for name in ("indptr", "indices"))
    user = int(np.flatnonzero(np.diff(starts))[0])
    assert read_manifest(directory)["target"] == "buy"
    scratch = Path(config.data.cache_dir)
    shutil.rmtree(scratch / "run", ignore_errors=True)
    (scratch / "pair.csv").write_text(f"user,item\n{user},{items[starts[user]]}\n")
    settings = "unlearning=receraser unlearning.pretraining_epochs=1 unlearning.aggregation_epochs=1 trainer.epochs=1"
    size = (
        f"trainer.batch_size={config.trainer.batch_size} unlearning.aggregation_batch_size={config.trainer.batch_size}"
    )
    data = [f"data.{key}={config.data[key]}" for key in ("interactions", "users", "items", "cache_dir")]
    out = ["evaluation.users=1000", "trainer.progress=false", f"run_dir={scratch}/run"]
    where = [f"run={scratch}/run", f"forget={scratch}/pair.csv"]
    row: dict[str, str] = {}
    for name, words in {
        "10 shards": ["train", *data, "data.behaviours=[buy]", "model=wmf", *settings.split(), *size.split(), *out],
        "plan": ["unlearn", *where, "plan=true"],
        "delete a pair": ["unlearn", *where],
    }.items():
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "recsys_cli", *words], check=True, stdout=sys.stderr)
        row[f"{name} s"] = f"{time.perf_counter() - began:.1f}"
    return row


STAGES = {"prepare": prepare, "train": train, "unlearn": unlearn}
MADE = {"prepare": "MB prepare", "train": "MB in all", "unlearn": "delete a pair s"}  # the last column of each


def write(rows: list[dict[str, str]], out: Path, told: str | None) -> None:
    """told: what is to be known of the machine."""
    out.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (out / "growth.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
    cores = f"{platform.processor() or platform.machine()}, cores: {len(os.sched_getaffinity(0))}"
    sizes = " ".join(row["interactions"] for row in rows)
    note = f"{cores}, {time.strftime('%Y-%m-%d')}: python scripts/benchmark.py --growth {sizes}\n"
    note += f"{told}\n\n" if told else "\n"
    rows = [{name: row.get(name, "") for name in names} for row in rows]
    fitted = "".join(f"\n{label} grows with exponent {e:.2f}" for label, e in exponents(rows).items())
    # Two tables: one line would be too long to be read.
    half = names.index("epoch s") if "epoch s" in names else len(names)
    tables = [[names[0], *part] for part in (names[1:half], names[half:]) if part]
    shown = "\n\n".join(format_table(t, [[row[name] for name in t] for row in rows]) for t in tables)
    (out / "growth.txt").write_text(f"{note}{shown}\n{fitted}\n")
    if len(rows) > 1:
        plot(rows, out / "growth.png")


def exponents(rows: list[dict[str, str]]) -> dict[str, float]:
    """Of a line through the logarithms of those sizes that are larger than 5e5: below, what is fixed is most of it."""
    import numpy as np

    large = [row for row in rows if row.get(MADE["train"]) and float(row["train"]) > 5e5]
    if len(large) < 2:
        return {}
    pairs = np.log([float(row["train"]) for row in large])
    return {
        label: float(np.polyfit(pairs, np.log([float(row[name]) for row in large]), 1)[0])
        for name, label in SLOPES.items()
    }


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Seconds and memory against interactions, both axes logarithmic, with the fitted exponents."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    rows = [row for row in rows if row.get(MADE["train"])]
    pairs, fitted = [float(row["train"]) for row in rows], exponents(rows)
    for axis, unit, names in (
        (axes[0], "cpu s", ("prepare", "epoch", "ranking")),
        (axes[1], "MB", ("prepare", "train")),
    ):
        for name in names:
            column = f"{name} {unit}" if unit == "cpu s" else f"{unit} {name}"
            exponent = fitted.get(SLOPES.get(column, ""))
            label = name if exponent is None else f"{name}, exponent {exponent:.2f}"
            axis.loglog(pairs, [float(row[column]) for row in rows], "o-", label=label)
        axis.set(xlabel="training interactions", ylabel="processor seconds" if unit == "cpu s" else "MB at peak")
        axis.grid(True, which="both", alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    stage, epochs, *words = sys.argv[1:]
    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library

    print(json.dumps(STAGES[stage](compose("train", words, library()), int(epochs))))


if __name__ == "__main__":
    main()
