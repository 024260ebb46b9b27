"""The tables of seconds (3.5, 4.5, 4.12, 5.5, 5.10) on one device, and the quality of one seed where there is time for it.

    python scripts/gpu.py --budget 540                     on a GPU: every row whose data is there, the papers' own first
    python scripts/gpu.py --device cpu --quick             one row of each table, on generated data

Each row is a process of its own (with --quick, all are one): an epoch that compiles, then timed epochs, a ranking, and,
where the epochs of its tuned setting fit into its share of the time, the training to its end and the ranking of the test
split, which shows that it is the same model as elsewhere. "calls" are the compiled calls of an epoch: between them nothing
comes back to the host.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.text import format_table

TABLES = ("3.5", "4.5", "4.12", "5.5", "5.10")
START = 15.0  # seconds that a process takes before its first epoch, about
EPOCHS = 5  # timed


class Row(NamedTuple):
    """A row of a table on a data set. words: as for recsys train."""

    table: str
    label: str
    data: str
    own: bool
    words: tuple[str, ...]


def main() -> None:
    args = arguments()
    device = f"device.kind={args.device}"
    if args.worker is not None:
        work(args.worker, device, args.share)
        return
    if in_process((), 0.0, args) is None:  # has said why
        sys.exit(2)
    end, rows = time.monotonic() + args.budget, []
    todo, missing = quick_rows(args.tables) if args.quick else rows_with_data(args.tables)
    for number, row in enumerate(todo):
        left = end - time.monotonic()
        if left < START:
            missing += [f"table {r.table}, {r.label} on {r.data}: no time was left" for r in todo[number:]]
            break
        share = max(2.0, left / (len(todo) - number) - START)
        found = measure([*row.words, device], 0.0, epochs=1) if args.quick else in_process(row.words, share, args)
        if found is None:
            missing.append(f"table {row.table}, {row.label} on {row.data}: it failed, see above")
            continue
        rows.append({"table": row.table, "row": row.label, "data": row.data} | found)
        print(format_table(list(rows[-1]), [list(rows[-1].values())]), flush=True)
    if not rows:
        sys.exit("\n".join(["nothing could be measured:", *missing]))
    write(rows, missing, args.out)
    if args.peer_python:
        beside_peers(args)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="gpu", choices=("gpu", "cpu"))
    parser.add_argument("--quick", action="store_true", help="one row of each table, on generated data")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for all of it, peers aside")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks/gpu"), help="without .csv and .txt")
    parser.add_argument(
        "--peer-python", help="the Python of an environment with RecBole 1.2.1, timed on Beibei as well"
    )
    parser.add_argument("--share", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def work(words: list[str], device: str, share: float) -> None:
    """In a process of its own: one row or, without words, whether the device is there."""
    from data_prep.errors import UserError

    try:
        print(json.dumps(measure([*words, device], share, EPOCHS if words else 0)))
    except UserError as error:
        sys.exit(f"{' '.join([*words, device])}: {error}")


def rows_with_data(tables: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The papers' own models first; and a line for each data set or model that is not there."""
    from recsys_cli.config.library import library
    from recsys_cli.experiments.planner import Planner
    from recsys_cli.experiments.spec import read

    rows, missing = [], []
    for name in tables:
        plan = Planner(library(), Path("runs"), seeds=1).plan(read("table", name, library()))
        rows += [Row(name, job.row.label, job.source.title, job.row.own, job.words) for job in plan.jobs]
        missing += [
            f"table {name}, {g.row.label + ' on ' if g.row else ''}{g.source.title}: {g.why}" for g in plan.gaps
        ]
    return sorted(rows, key=lambda row: not row.own), missing


def quick_rows(tables: Sequence[str]) -> tuple[list[Row], list[str]]:
    from recsys_cli.config.library import library
    from recsys_cli.experiments.spec import read

    rows = []
    for name in tables:
        own = next((row for row in read("table", name, library()).rows if row.own and not row.brief), None)
        assert own is not None, f"table {name} has no row of its own"
        rows.append(Row(name, own.label, "synthetic", True, (f"model={own.model}", "data=synthetic", *own.words)))
    return rows, []


def in_process(words: Sequence[str], share: float, args) -> dict[str, str] | None:
    command = [sys.executable, __file__, "--device", args.device, "--share", str(share), "--worker", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def measure(words: list[str], share: float, epochs: int = EPOCHS) -> dict[str, str]:
    """epochs: to be timed; 0: nothing is done. share: seconds, beyond which no further epoch is begun."""
    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.training.device import set_up_device

    config = compose("train", words, library())
    set_up_device(config.device)
    if not epochs:
        return {}
    from recsys_cli.data.load import get_dataset
    from recsys_cli.evaluation.names import first_metric
    from recsys_cli.training.build import build_learner, build_model, epochs_of
    from recsys_cli.training.selection import fit_cutoffs, score

    dataset = get_dataset(config.data)
    fit_cutoffs(config, dataset)
    model = build_model(config.model, dataset, config.seed)
    learner, wanted, seconds = build_learner(config, model), epochs_of(model, config), []
    end, steps, epoch = time.monotonic() + share, 0, 0

    def one_more() -> None:
        nonlocal steps, epoch
        began = time.perf_counter()
        steps = learner.begin(epoch)
        learner.run(0, steps, 0.0)
        epoch += 1
        seconds.append(time.perf_counter() - began)

    one_more()
    while epoch <= epochs and (epoch == 1 or time.monotonic() < end):
        one_more()
    typical = statistics.median(seconds[1:])
    timed = spread(seconds[1:])
    goes_on = share > 0 and (wanted - epoch) * typical < end - time.monotonic()
    while goes_on and epoch < wanted:
        one_more()
    score(config.evaluation, model, dataset, "test", config.seed)  # compiles
    result = score(config.evaluation, model, dataset, "test", config.seed)
    metric = first_metric(config.evaluation)
    return device_facts() | {
        "steps": str(steps),
        "calls": str(getattr(learner, "calls", steps)),
        "first epoch s": f"{seconds[0]:.2f}",
        "epoch s (min/med/max)": timed,
        "ranking s": f"{result.seconds:.3f}",
        "after epochs": str(epoch),
        "of": str(wanted),
        metric: f"{result.means[metric]:.4f}",
    }


def device_facts() -> dict[str, str]:
    import tensorflow as tf

    if not (gpus := tf.config.list_logical_devices("GPU")):
        return {"device": "cpu", "MB of it": ""}
    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    peak = tf.config.experimental.get_memory_info(gpus[0].name.removeprefix("/device:"))["peak"]
    return {"device": details.get("device_name", "gpu"), "MB of it": f"{peak / 2**20:.0f}"}


def spread(values: list[float]) -> str:
    return "/".join(f"{value:.4f}" for value in (min(values), statistics.median(values), max(values)))


def write(rows: list[dict[str, Any]], missing: list[str], out: Path) -> None:
    import tensorflow as tf

    out.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    filled = [[row.get(name, "") for name in names] for row in rows]
    with out.with_suffix(".csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows([names, *filled])
    said = f"TensorFlow {tf.__version__}, {time.strftime('%Y-%m-%d')}: python scripts/gpu.py {shlex.join(sys.argv[1:])}"
    text = f"{said}\n\n{format_table(names, filled)}\n"
    out.with_suffix(".txt").write_text(text + "".join(f"\nnot measured: {line}" for line in missing) + "\n")
    print(f"{out}.csv and {out}.txt; not measured: {len(missing)}")


def beside_peers(args) -> None:
    benchmark = [sys.executable, str(Path(__file__).parent / "benchmark.py"), "--model", "enmf", "bpr", "lightgcn"]
    where = ["--out", str(args.out.parent), "--name", f"{args.out.name}_peers", "--peer-python", args.peer_python]
    subprocess.run([*benchmark, *where, "--set", f"device.kind={args.device}"], check=True)


if __name__ == "__main__":
    main()
