"""Trains shards one after the other, or several at a time in processes of their own, to the same bytes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path

from omegaconf import OmegaConf

from recsys_cli.training.fit import Stopped


def train_shards(path: Path, config, rows, shards: Sequence[int], say: Callable[[str], None] = print) -> None:
    """config: the root node of the run. Raises Stopped, with everything saved, when a signal came."""
    from recsys_cli.unlearning.generation import train_shard

    if min(config.unlearning.processes, len(shards)) < 2:
        for k in shards:
            say(train_shard(path, config, rows, k))
        return
    with ProcessPoolExecutor(config.unlearning.processes, get_context("spawn"), _start, (os.getpid(),)) as pool:
        text = OmegaConf.to_yaml(_for_worker(config))
        futures = [pool.submit(_work, str(path), text, k) for k in shards]
        try:
            for future in as_completed(futures):
                say(_unless_stopped(future.result()))
        except KeyboardInterrupt:  # it reaches the workers too, which save
            raise Stopped(signal.SIGINT) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _for_worker(config):
    config = deepcopy(config)
    config.trainer.progress = False
    if config.device.threads is None:
        config.device.threads = max(1, (os.cpu_count() or 1) // config.unlearning.processes)
    return config


def _unless_stopped(answer: str | int) -> str:
    if isinstance(answer, int):
        raise Stopped(answer)
    return answer


def _start(parent: int) -> None:
    """Between trainings Ctrl-C is left to the parent; a worker whose parent is gone saves and stops."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _work(path: str, text: str, k: int) -> str | int:
    """The line about a shard, or the number of the signal that stopped it."""
    from recsys_cli.training.device import set_up_device

    config = OmegaConf.create(text)
    set_up_device(config.device)
    from recsys_cli.unlearning.generation import Rows, train_shard

    try:
        return train_shard(Path(path), config, Rows.read(Path(path)), k)
    except Stopped as stopped:
        return stopped.signum
