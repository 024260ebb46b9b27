"""Chooses the device and the threads before TensorFlow starts."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace

from data_prep.errors import UserError
from data_prep.settings import Settings, field


@dataclass(frozen=True)
class DeviceSettings(Settings):
    kind: str = field("auto", "where to compute; auto: on a GPU if there is one", choices=("auto", "cpu", "gpu"))
    threads: int | None = field(None, "of the processor; null: one per core", low=1)
    memory_growth: bool = field(True, "take memory of a GPU as it is needed, not all of it at once")
    determinism: bool = field(True, "on a GPU, the same bytes in each run, somewhat slower")
    workers: int = field(
        1,
        "of `recsys train`: processes that share the users out; here, or on many machines by TF_CONFIG or Slurm "
        "(docs/distributed.md)",
        low=1,
    )


def set_up_device(config, threads: int | None = None, *, several: bool = False) -> str:
    """config: the settings above, or a node of configs/device. Returns "cpu" or "gpu"; must run first of all.

    threads: instead of those of the config, where they are given. several: this is one of device.workers.
    """
    config = DeviceSettings.from_config(config, "device")
    if threads is not None:
        config = replace(config, threads=threads)
    if config.workers > 1 and not several:
        raise UserError(
            f"device.workers={config.workers} shares out the users of one training (`recsys train`): leave it out."
        )
    _check_threads(config.threads)
    if config.kind == "cpu":
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    tf = import_tensorflow()
    with _without_startup_messages():
        gpus = tf.config.list_physical_devices("GPU")
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, but every model has loops of its own
    if config.threads is not None:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(config.threads)
            tf.config.threading.set_inter_op_parallelism_threads(config.threads)
        except RuntimeError:
            if tf.config.threading.get_intra_op_parallelism_threads() != config.threads:
                raise UserError(
                    f"device.threads={config.threads}: TensorFlow has started with another number of threads "
                    "in this process; run jobs of different thread counts one by one."
                ) from None
    if config.kind == "gpu" and not gpus:
        raise UserError(
            "device=gpu, but TensorFlow sees no GPU here. Check the driver and install the extra with "
            "`pip install 'recsys[gpu]'` (`recsys doctor` shows what is found), or use device=cpu."
        )
    if config.kind == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
    use_gpu = bool(gpus) and config.kind != "cpu"
    if use_gpu:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, config.memory_growth)
        if config.determinism:
            tf.config.experimental.enable_op_determinism()
    return "gpu" if use_gpu else "cpu"


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_tensorflow():
    """The module, without its greetings; no device is looked for."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_startup_messages(), _deferred("keras"):
        import tensorflow as tf
    return tf


@contextmanager
def _deferred(module: str):
    """An optional import of what is imported meanwhile finds nothing; the module can be imported as usual later on.

    TensorFlow imports Keras, and so matplotlib and pandas where they are, which takes a quarter of its own time; nothing
    here uses them, and tf.keras comes when it is asked for.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _check_threads(threads: int | None) -> None:
    """Refuses so many that the machine would be busy with starting them."""
    cores = os.cpu_count() or 1
    if threads is not None and threads > (most := max(64, 4 * cores)):
        raise UserError(
            f"device.threads={threads}: this machine has {cores} cores; give at most {most}, or null for all cores."
        )


@contextmanager
def _without_startup_messages():
    """Leaves out TensorFlow's informational lines, which it writes before any log level is in force."""
    sys.stderr.flush()
    kept_aside = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept_aside, 2)
            os.close(kept_aside)
            messages.seek(0)
            for line in messages.read().decode(errors="replace").splitlines():
                if not re.match(r"[IW]\d{4} |WARNING: All log messages before absl", line):
                    print(line, file=sys.stderr)
