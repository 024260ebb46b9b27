"""What the scripts of all peers share: pairs in, seconds and memory measured, and the trained scorer handed back.

Runs inside the environment of a peer: needs NumPy alone. The scorer goes into an npz, whose `kind` says what it holds:

    factors       users [n_users, d], items [n_items, d]: score = users @ items'
    item_weights  indptr, indices, values of W, a sparse matrix items x items: score = history @ W
    scores        of some users (user_ids [m]) for all items: [m, n_items]
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SAMPLE = 1000  # users whose quality is compared, and whose lists slow peers are timed on


class Pairs(NamedTuple):
    """train, test: int32 [n, 2] of (user, item)."""

    train: np.ndarray
    test: np.ndarray
    n_users: int
    n_items: int


class Clock:
    """Wall and processor seconds of this process, all threads together: far apart where the machine is busy."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def timed(self, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(*args, **options)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return result


def arguments(models: list[str]) -> argparse.Namespace:
    """settings: a JSON object, of the peer's own names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=Path, required=True, help="npz: train, test [n, 2], n_users, n_items")
    parser.add_argument("--model", choices=models, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON, by the names of the peer")
    parser.add_argument("--out", type=Path, required=True, help="npz for the trained scorer")
    parser.add_argument("--repeats", type=int, default=3, help="of a fit that has no epochs")
    parser.add_argument("--budget", type=float, default=120.0, help="processor seconds of training, at most")
    return parser.parse_args()


def read_pairs(path: Path) -> Pairs:
    with np.load(path, allow_pickle=False) as found:
        return Pairs(found["train"], found["test"], int(found["n_users"]), int(found["n_items"]))


def sampled_users(held_out: np.ndarray, n: int = SAMPLE) -> np.ndarray:
    """n of the users with a held-out pair, the same for everyone who asks. held_out: the user of each pair."""
    users = np.unique(held_out)
    return users if len(users) <= n else np.sort(np.random.default_rng(0).choice(users, n, replace=False))


def peak_mb() -> float:
    """High-water mark of this process, in 2^20 bytes."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def hand_back(**facts: Any) -> None:
    """The last line of standard output is what the caller reads."""
    print(json.dumps(facts | {"peak_mb": round(peak_mb(), 1)}))
