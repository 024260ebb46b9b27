"""Seconds per epoch, full-ranking seconds and peak memory, beside the machine's floor and a peer measured in the same call.

    python scripts/benchmark.py --model enmf bpr --data beibei taobao --peer-python PEER_VENV/bin/python
    python scripts/benchmark.py --growth 1e5 1e6 1e7 1e8
    python scripts/benchmark.py --peers recbole implicit lenskit --data beibei        # a table of contests per data set

Every measurement is a process of its own, so that peak memory is its own; each figure is given as min/median/max.
Tables go to --out (default results/benchmarks) as CSV. How to make the peer's environment: scripts/peers/README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.text import format_table
from scripts.floor import floor_seconds

K = [10, 50, 100]
PEERS = {"enmf": "ENMF", "bpr": "BPR", "lightgcn": "LightGCN"}
# Users per evaluation batch: the fastest of those tried (peers/README.md); RecBole's default of 4,096 pairs comes to one.
PEER_EVAL_USERS = {"enmf": "16", "bpr": "256", "lightgcn": "256"}


def main() -> None:
    args = arguments()
    if args.worker:
        print(json.dumps(measure(args.worker, args.epochs, args.evaluations)))
        return
    if args.growth:
        from scripts.growth import run

        run(args)
        return
    if args.peers:
        from scripts.peers.contest import run

        run(args)
        return
    jobs = [
        (f"{m} {d} batch {b}", [*f"model={m}".split(), f"data={d}", f"trainer.batch_size={b}"], m.split()[0])
        for m in args.model or ["enmf"]
        for d in args.data
        for b in args.batch
    ]
    rows = []
    for title, words, model in jobs:
        ours = run_worker([*words, "model.embedding_size=64", *args.set], args)
        ours["peer"] = run_peer(model, ours, args) if args.peer_python and model in PEERS else None
        rows.append(row_of(title, ours))
        print(format_table(list(rows[0]), [list(r.values()) for r in rows[-1:]]), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    name = args.name or "cpu"
    with open(args.out / f"{name}.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    note = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}: "
    (args.out / f"{name}.txt").write_text(
        note
        + "python scripts/benchmark.py "
        + shlex.join(sys.argv[1:])
        + "\n\n"
        + format_table(list(rows[0]), [list(r.values()) for r in rows])
        + "\n"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", help='models (default enmf), also with overrides "ehcf loss.dense=true"')
    parser.add_argument("--data", nargs="+", default=["beibei"])
    parser.add_argument("--batch", nargs="+", type=int, default=[512])
    parser.add_argument("--set", nargs="*", default=[], help="further overrides, as for recsys train")
    parser.add_argument("--epochs", type=int, default=7, help="timed epochs, after one that warms up")
    parser.add_argument(
        "--evaluations", type=int, default=3, help="timed full rankings, after one that warms up; 0: none"
    )
    parser.add_argument("--growth", nargs="+", type=float, help="numbers of synthetic interactions (growth.py)")
    parser.add_argument(
        "--unlearn-up-to", type=float, default=1e6, help="of growth: unlearning is tried up to this size"
    )
    parser.add_argument("--scratch", help="of growth: a folder with room for the prepared data")
    parser.add_argument("--peer-python", help="the Python of an environment with RecBole 1.2.1")
    parser.add_argument("--peer-epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--name", help="of the table (default cpu)")
    parser.add_argument("--peers", nargs="+", choices=("recbole", "implicit", "lenskit"), help="contests with them")
    parser.add_argument("--peer-environments", default="~/.cache/recsys/peers", help="a folder of PEER/bin/python")
    parser.add_argument("--budget", type=float, default=120.0, help="processor seconds of a training in a contest")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="of contests; cpu: of a busy machine")
    parser.add_argument("--note", help="of growth and contests: what is to be known of the machine")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(words: list[str], epochs: int, evaluations: int) -> dict:
    """One process: data, model, epochs, full rankings."""
    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.training.device import set_up_device

    config = compose("train", words, library())
    device = set_up_device(config.device)
    import numpy as np
    import tensorflow as tf

    from recsys_cli.data.load import get_dataset
    from recsys_cli.runs.environment import peak_memory_mb
    from recsys_cli.training.build import build_learner, build_model
    from recsys_cli.training.selection import score

    tf.random.stateless_uniform([1], [0, 0])
    framework = peak_memory_mb()
    dataset = get_dataset(config.data)
    prepared = peak_memory_mb()
    model = build_model(config.model, dataset, config.seed)
    learner = build_learner(config, model)
    seconds = []
    for epoch in range(epochs + 1):
        began = time.perf_counter()
        steps = learner.begin(epoch)
        learner.run(0, steps, 0.0)
        seconds.append(time.perf_counter() - began)
    trained = peak_memory_mb()
    ranking = []
    for _ in range(evaluations + 1 if evaluations else 0):
        began = time.perf_counter()
        score(config.evaluation, model, dataset, "test", config.seed)
        ranking.append(time.perf_counter() - began)
    train, test = dataset.target_train, dataset.test
    pairs = Path(tempfile.gettempdir()) / f"pairs-{os.getpid()}.npz"
    np.savez(
        pairs,
        train=np.column_stack([train.rows, train.indices]),
        test=np.column_stack([test.rows, test.indices]),
        n_users=dataset.n_users,
        n_items=dataset.n_items,
    )
    return {
        "epoch": seconds[1:],
        "ranking": ranking[1:],
        "steps": steps,
        "device": device,
        "pairs_file": str(pairs),
        "users": dataset.n_users,
        "items": dataset.n_items,
        "pairs": train.nnz,
        "size": config.model.get("embedding_size", 0),
        "batch": config.trainer.batch_size,
        "memory_training": trained - framework,
        "memory_data": prepared - framework,
        "memory_all": peak_memory_mb() - framework,
        "framework": framework,
    }


def run_worker(words: list[str], args) -> dict:
    command = [
        sys.executable,
        __file__,
        "--epochs",
        str(args.epochs),
        "--evaluations",
        str(args.evaluations),
        "--worker",
        *words,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_peer(model: str, ours: dict, args) -> dict:
    command = [
        args.peer_python,
        str(Path(__file__).parent / "peers" / "recbole_bench.py"),
        "--pairs",
        ours["pairs_file"],
        "--model",
        PEERS[model],
        "--dim",
        str(ours["size"]),
        "--batch",
        str(ours["batch"]),
        "--epochs",
        str(args.peer_epochs),
        "--eval",
        "--eval-users",
        *[PEER_EVAL_USERS[model]] * args.evaluations,
        "1",
        "--set",
        "learner=adagrad",
        "learning_rate=0.05",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the peer failed: {' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row_of(title: str, ours: dict) -> dict[str, str]:
    epoch_floor, ranking_floor = floor_seconds(ours)
    epoch, ranking = statistics.median(ours["epoch"]), statistics.median(ours["ranking"] or [0.0])
    enmf = title.startswith("enmf")
    row = {
        "what": title,
        "device": ours["device"],
        "pairs": f"{ours['pairs']:.0f}",
        "steps": str(ours["steps"]),
        "epoch s (min/med/max)": spread(ours["epoch"]),
        "floor s": f"{epoch_floor:.3f}" if enmf else "",
        "x floor": f"{epoch / epoch_floor:.2f}" if enmf else "",
        "ranking s (min/med/max)": spread(ours["ranking"]),
        "ranking floor s": f"{ranking_floor:.3f}",
        "eval share %": f"{100 * ranking / (ranking + 10 * epoch):.1f}" if ranking else "",
        "MB data": f"{ours['memory_data']:.0f}",
        "MB training": f"{ours['memory_training']:.0f}",
        "MB in all": f"{ours['memory_all']:.0f}",
    }
    peer = ours["peer"]
    row["peer epoch s (min/med/max)"] = spread(peer["seconds_per_epoch"]) if peer else ""
    row["peer/ours epoch"] = f"{statistics.median(peer['seconds_per_epoch']) / epoch:.1f}" if peer else ""
    *best_batch, default_batch = peer["eval_seconds"] if peer else [0.0]
    row["peer ranking s, best batch"] = spread(best_batch) if peer else ""
    row["peer/ours"] = f"{statistics.median(best_batch) / ranking:.1f}" if best_batch else ""
    row["peer ranking s, its default"] = f"{default_batch:.1f}" if peer else ""
    row["peer default/ours"] = f"{default_batch / ranking:.1f}" if best_batch else ""
    row["peer MB training"] = f"{peer['peak_rss_mb']['train'] - peer['peak_rss_mb']['setup']:.0f}" if peer else ""
    return row


def spread(values: list[float]) -> str:
    if not values:
        return ""
    return "/".join(f"{v:.3f}" for v in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    main()
