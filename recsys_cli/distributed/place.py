"""Which worker this process is, and where the others are: by TF_CONFIG, by Slurm, or all of them on this machine."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from contextlib import ExitStack
from typing import NamedTuple

from data_prep.errors import UserError

MOST = 64  # processes on one machine
LOWEST_PORT, PORTS = 20_000, 10_000  # under Slurm each job takes ports of its own among these


class Place(NamedTuple):
    """number: of this worker, from 0; addresses: HOST:PORT of all. local: the others are still to be started here."""

    number: int
    addresses: tuple[str, ...]
    local: bool = False

    @property
    def of(self) -> int:
        return len(self.addresses)


def place_of(workers: int) -> Place:
    """workers: device.workers, more than one. Raises UserError where TF_CONFIG or Slurm tell of another number."""
    if "TF_CONFIG" in os.environ:
        place, told_by = _of_tf_config(os.environ["TF_CONFIG"]), "TF_CONFIG"
    elif "SLURM_STEP_NUM_TASKS" in os.environ:  # set by srun, and not in the script of a job
        place, told_by = _of_slurm(), "srun"
    elif workers > MOST:
        raise UserError(f"device.workers={workers}: at most {MOST} on one machine; more by TF_CONFIG or srun, on many.")
    else:
        return Place(0, _free_addresses(workers), local=True)
    if place.of != workers:
        raise UserError(
            f"device.workers={workers}, but {told_by} tells of {place.of}: give the same number to both, or one worker "
            f"(device.workers=1) to a training of its own."
        )
    return place


def _of_tf_config(text: str) -> Place:
    try:
        config = json.loads(text)
        addresses = tuple(config["cluster"]["worker"])
        task, number = config["task"]["type"], config["task"]["index"]
        fits = task == "worker" and type(number) is int and 0 <= number < len(addresses)
        fits = fits and set(config["cluster"]) == {"worker"} and all(type(a) is str and ":" in a for a in addresses)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise UserError(
            'TF_CONFIG is to be such as {"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", '
            f'"index": 0}}}}, with workers alone, and is {text[:200]}'
        )
    return Place(number, addresses)


def _of_slurm() -> Place:
    """Tasks are numbered node by node, as srun does it where it is not told otherwise (--distribution=block)."""
    try:
        listed = ["scontrol", "show", "hostnames", os.environ["SLURM_STEP_NODELIST"]]
        hosts = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
        port = LOWEST_PORT + int(os.environ["SLURM_JOB_ID"]) % PORTS
        tasks = _tasks_per_node(os.environ["SLURM_STEP_TASKS_PER_NODE"])
        addresses = [f"{host}:{port + task}" for host, n in zip(hosts, tasks, strict=True) for task in range(n)]
        return Place(int(os.environ["SLURM_PROCID"]), tuple(addresses))
    except (KeyError, ValueError, OSError, subprocess.CalledProcessError) as error:
        raise UserError(
            f"Slurm does not tell where the workers are ({type(error).__name__}: {error}): start them by srun."
        ) from None


def _tasks_per_node(text: str) -> list[int]:
    """2(x3),1 -> [2, 2, 2, 1]"""
    found = re.findall(r"(\d+)(?:\(x(\d+)\))?(?:,|$)", text)
    return [int(tasks) for tasks, times in found for _ in range(int(times or 1))]


def _free_addresses(n: int) -> tuple[str, ...]:
    """On this machine; all are held until all are known, so that no port comes twice."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return tuple(f"127.0.0.1:{s.getsockname()[1]}" for s in held)
