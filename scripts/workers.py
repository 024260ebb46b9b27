"""What a training by several workers sends and computes, measured; and what it would take on more data and machines.

    python scripts/workers.py --measure     # writes results/benchmarks/workers.csv: a few minutes on two cores
    python scripts/workers.py               # the tables of docs/distributed.md, from that file

Bytes are those of TCP as the kernel counts them for the sockets of the first worker; seconds are those of the processor,
not of a clock, as the machine may be busy.
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.text import format_table

MEASURED = Path(__file__).resolve().parents[1] / "results" / "benchmarks" / "workers.csv"
COLUMNS = ("workers", "items", "batch", "pairs_of_step", "core_seconds", "bytes_sent", "message_seconds")
SIZE = 64  # d
NUMBER = 4  # bytes
CORES = 32  # of a machine of the forecast
NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}  # bytes per second, each way
WORTH = 0.5  # efficiency


class Data(NamedTuple):
    pairs: float
    users: float
    items: float


FORECAST = (Data(1e9, 2e7, 1e6), Data(1e10, 1e8, 2e6))
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Costs(NamedTuple):
    """Of a step: core seconds per vector and per pair; bytes sent per number that is summed; seconds of a message, of which
    a sum takes 2 (workers - 1), one after the other."""

    vector: float
    pair: float
    wire: float
    message: float


class Way(NamedTuple):
    """loss.batch, users or items, and trainer.batch_size, of all workers together."""

    side: str
    batch: int

    def __str__(self) -> str:
        return f"{self.batch:,} {self.side}"


WAYS = (Way("users", 512), Way("users", 8_192), Way("users", 131_072), Way("items", 512), Way("items", 8_192))


class Step(NamedTuple):
    """compute, wire: seconds. sent: bytes of each worker."""

    compute: float
    wire: float
    sent: float


def step_of(data: Data, workers: int, way: Way, costs: Costs, network: float) -> Step:
    """A step of users: a worker has its share of them, and all items. One of items: all of these, and its share of all users.

    Whatever is not batched is multiplied and updated as a whole in each step.
    """
    share = 1 / workers
    if way.side == "users":
        rows, whole, summed, pairs = way.batch * share, data.items, data.items, way.batch * data.pairs / data.users
    else:
        rows, whole, summed, pairs = way.batch, data.users * share, way.batch, way.batch * data.pairs / data.items
    core = costs.vector * (whole + rows) + costs.pair * pairs * share
    hops = 2 * (workers - 1)
    sent = costs.wire * hops * share * summed * SIZE
    return Step(core / CORES, sent / network + costs.message * hops, sent)


def epoch_minutes(data: Data, workers: int, way: Way, costs: Costs, network: float) -> float:
    step = step_of(data, workers, way, costs, network)
    return getattr(data, way.side) / way.batch * (step.compute + step.wire) / 60


def memory_of(data: Data, workers: int) -> float:
    """Bytes of a worker: vectors, Adagrad's sums and gradients, and ten numbers a pair."""
    return NUMBER * (3 * SIZE * (data.users / workers + data.items) + 10 * data.pairs / workers)


def efficiency(data: Data, workers: int, way: Way, costs: Costs, network: float) -> float:
    """The share of the machines' time in which one machine, had it the memory, would have done the same."""
    return epoch_minutes(data, 1, way, costs, network) / workers / epoch_minutes(data, workers, way, costs, network)


def most_workers(data: Data, way: Way, costs: Costs, network: float) -> int:
    """From where on more of them are not worth it."""
    return max(w for w in WORKERS if efficiency(data, w, way, costs, network) >= WORTH)


def forecast(costs: Costs) -> str:
    """The tables of the page, as text."""
    parts = []
    for data in FORECAST:
        size = f"{data.pairs:.0e} interactions, {data.users:.0e} users, {data.items:.0e} items".replace("+", "")
        slowest = next(iter(NETWORKS))
        minutes, worth = [], []
        for workers in WORKERS:
            of_ways = [f"{epoch_minutes(data, workers, way, costs, NETWORKS[slowest]):,.2f}" for way in WAYS]
            minutes.append([f"{workers}", f"{memory_of(data, workers) / 1e9:,.0f}", *of_ways])
        for way in WAYS:
            for name, network in NETWORKS.items():
                most = most_workers(data, way, costs, network)
                step = step_of(data, most, way, costs, network)
                seconds = [f"{step.compute:,.4f}", f"{step.wire:,.4f}"]
                taken = epoch_minutes(data, most, way, costs, network)
                worth.append([f"{way}, {name}", f"{most}", f"{taken:,.2f}", f"{step.sent / 1e6:,.1f}", *seconds])
        headers = (
            ["workers", "GB each", *map(str, WAYS)],
            ["a step", "workers", "minutes", "MB sent", "s computing", "s sending"],
        )
        parts += [
            f"{size}: minutes per epoch at {slowest}, by what a step has\n\n{format_table(headers[0], minutes)}",
            f"{size}: the most workers that are worth it, and what a step takes then\n\n{format_table(headers[1], worth)}",
        ]
    return "\n\n".join(parts)


def costs_of(path: Path = MEASURED) -> Costs:
    """Seconds by least squares over the rows of one worker, bytes and messages by those of several."""
    import numpy as np

    with path.open() as stream:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    alone, several = ([r for r in rows if (r["workers"] > 1) == many] for many in (False, True))
    features = np.array([[r["items"] + r["batch"], r["pairs_of_step"]] for r in alone])
    seconds = np.array([r["core_seconds"] for r in alone])
    vector, pair = np.linalg.lstsq(features / seconds[:, None], np.ones(len(alone)), rcond=None)[0]  # relative errors
    sums = [r["bytes_sent"] / (2 * (1 - 1 / r["workers"]) * r["items"] * SIZE) for r in several]
    return Costs(float(vector), float(pair), max(sums), min(r["message_seconds"] for r in several))


def measure(path: Path = MEASURED) -> None:
    rows = []
    for items, batch, mean in (
        (2000, 512, 50),
        (8000, 512, 50),
        (32_000, 512, 50),
        (8000, 4096, 50),
        (8000, 2048, 300),
    ):
        rows.append(_alone(items, batch, mean))
        print(rows[-1], flush=True)
    for workers, items in ((2, 2000), (2, 16_000), (3, 16_000)):
        rows.append(_together(workers, items))
        print(rows[-1], flush=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _alone(items: int, batch: int, mean: int, steps: int = 4) -> dict:
    """Processor seconds of a step of ENMF on random pairs."""
    import numpy as np
    import tensorflow as tf

    from recsys_cli.data.dataset import CSR, Dataset
    from recsys_cli.losses.whole_data import WholeDataSettings, whole_data_phases
    from recsys_cli.models.factorization import MatrixFactorization
    from recsys_cli.training.learner import GradientLearner
    from recsys_cli.training.optimizers import Adagrad

    tf.config.threading.set_intra_op_parallelism_threads(1)
    rng, users = np.random.default_rng(0), batch * steps
    pairs = CSR.from_pairs(np.repeat(np.arange(users), mean), rng.integers(0, items, users * mean), users, items)
    settings = MatrixFactorization.Settings(name="enmf", embedding_size=SIZE, dropout=0.3, prediction_vector=0.01)
    model = MatrixFactorization(settings, Dataset("random", users, items, "buy", {"buy": pairs}), seed=0)
    learner = GradientLearner(model, whole_data_phases(WholeDataSettings(), model, batch, 0), Adagrad(), 0)
    learner.begin(0)
    learner.run(0, 1, 0.0)
    found = []
    for _ in range(5):
        began = time.process_time()
        learner.run(0, steps, 0.0)
        found.append((time.process_time() - began) / steps)
    return _row(1, items, batch, pairs.nnz / steps, min(found), 0, 0)


def _together(workers: int, items: int) -> dict:
    """In a process of its own, as TensorFlow can be connected once only."""
    command = [sys.executable, __file__, "--lead", str(workers), str(items)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
    return _row(workers, items, 512, 0, 0, *map(float, answer.split()))


def lead(workers: int, items: int) -> tuple[float, float]:
    """Bytes that the first of several workers on this machine sends in a step of ENMF, and the seconds of a message."""
    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.data.load import get_dataset
    from recsys_cli.distributed.team import team_of
    from recsys_cli.training.build import build_model
    from recsys_cli.training.device import set_up_device

    sizes = ["data.users=2048", "data.interactions=40960", f"data.items={items}", f"model.embedding_size={SIZE}"]
    config = compose("train", ["model=enmf", "data=synthetic", *sizes, f"device.workers={workers}"], library())
    with team_of(config) as team:
        set_up_device(config.device, team.threads, several=True)
        dataset = get_dataset(config.data)
        team.join(dataset)
        learner = team.learner(build_model(config.model, dataset, 0), dataset)
        steps = learner.begin(0)
        learner.run(0, steps, 0.0)
        before = sent()
        learner.run(0, steps, 0.0)
        bytes_sent = (sent() - before) / steps
        found = []
        for _ in range(500):
            began = time.perf_counter()
            learner.run(0, 0, 0.0)  # an order, and the sum of one number
            found.append((time.perf_counter() - began) / (1 + 2 * (workers - 1)))
        return bytes_sent, min(found)


def sent() -> int:
    """Bytes that the TCP connections of this process have sent so far, and the other ends have received."""
    total = 0
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it is no connection of TCP
            if os.readlink(file).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(file.name))) as connection:
                    about = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)
                    total += struct.unpack_from("=Q", about, 120)[0]  # tcpi_bytes_acked
    return total


def _row(*values: float) -> dict[str, float]:
    return dict(zip(COLUMNS, values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--lead", nargs=2, type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.lead:
        print(*lead(*asked.lead))
        return
    if asked.measure:
        measure()
    print(forecast(costs_of()))


if __name__ == "__main__":
    main()
