"""``recsys doctor``: what this machine has and what each data set lacks; slow TensorFlow is asked last."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from data_prep.settings import Settings, field
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.memory import free_memory
from recsys_cli.text import wrapped

if TYPE_CHECKING:
    from omegaconf import DictConfig

PACKAGES = ("recsys", "tensorflow", "numpy", "pandas", "hydra-core", "omegaconf", "tqdm")
# package -> (extra that brings it, what it is for)
EXTRAS = {
    "pyarrow": ("parquet", "Parquet files"),
    "tensorboard": ("track", "the TensorBoard viewer"),
    "mlflow-skinny": ("mlflow", "tracking=mlflow"),
    "matplotlib": ("plots", "the figures of pages"),
    "pytest": ("test", "the tests"),
}
RAW_DIR_VARIABLE = "RECSYS_RAW_DIR"
GIB = 2**30


@dataclass(frozen=True)
class DoctorSettings(Settings):
    tensorflow: bool = field(True, "import it to look for devices, which takes seconds")
    runs_dir: str = field("runs", "whose disk is looked at")
    raw_dir: str | None = field(None, "null: data.raw_dir of each data set, or the variable RECSYS_RAW_DIR")


def main(cfg: DictConfig) -> None:
    print(wrapped(f"Python {platform.python_version()} on {platform.platform()}, {sys.executable}"))
    _section("Packages", [f"{name:<12}{_version(name) or 'missing'}" for name in PACKAGES])
    _section("Optional", [_extra(name) for name in EXTRAS])
    disks = [_disk("runs", cfg.runs_dir), _disk("cache", _data_config("synthetic").cache_dir)]
    _section("Machine", [_cores(), _memory(), *disks])
    _section("Data sets", _data_sets(cfg.raw_dir), 16)
    if cfg.tensorflow:
        _section("Devices", _devices(cfg.device))


def _section(title: str, lines: list[str], column: int = 12) -> None:
    """column: where the text of a line begins, under which it goes on."""
    print("\n".join(["", title, *(wrapped("  " + line, column + 2) for line in lines)]), flush=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _extra(package: str) -> str:
    extra, purpose = EXTRAS[package]
    found = _version(package) or f"not installed: pip install 'recsys[{extra}]'"
    return f"{package:<12}{found} ({purpose})"


def _cores() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{'cores':<12}{usable} usable of {os.cpu_count()} (device.threads=null uses all)"


def _memory() -> str:
    free = free_memory()
    if free is None:
        return f"{'memory':<12}unknown on this system"
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{'memory':<12}{free / GIB:.1f} GiB free of {total / GIB:.1f} GiB"


def _disk(name: str, folder: str) -> str:
    path = Path(folder).expanduser().absolute()
    existing = next(p for p in (path, *path.parents) if p.exists())
    return f"{name:<12}{shutil.disk_usage(existing).free / GIB:.1f} GiB free at {path}"


def _data_sets(raw_dir: str | None) -> list[str]:
    words = [f"data.raw_dir='{raw_dir}'"] if raw_dir else []
    lines = []
    for name in library().choices("data"):
        first, *more = _data_set(name, _data_config(name, *words))
        lines += [f"{name:<16}{first}", *(" " * 16 + line for line in more)]
    return lines


def _data_set(name: str, cfg: DictConfig) -> list[str]:
    """What is here, then what is missing and where it comes from."""
    from data_prep.sources import raw_status

    try:
        files = raw_status(cfg)
    except UserError as error:
        return [str(error)]
    fetched = [file for file, path, url in files if path is None and url]
    by_hand = [file for file, path, url in files if path is None and not url]
    here = len(files) - len(fetched) - len(by_hand)
    first = f"{here} of {len(files)} raw files found" if files else "needs no raw files"
    if any((Path(cfg.cache_dir).expanduser() / "prepared").glob(f"{name}-*")):
        first += "; prepared in the cache"
    lines = [first]
    if fetched:
        lines.append(f"downloaded when needed: {', '.join(fetched)}")
    if by_hand:
        where = f"<folder>/{name}/, with data.raw_dir=<folder> or {RAW_DIR_VARIABLE}=<folder>"
        lines.append(f"missing: {', '.join(by_hand)}; put into {where}")
    return lines


def _data_config(name: str, *words: str) -> DictConfig:
    return compose("prepare", [f"data={name}", *words], library(), partial=True).data


def _devices(device: DictConfig) -> list[str]:
    start = time.perf_counter()
    from recsys_cli.training.device import set_up_device

    chosen = set_up_device(device).upper()
    seconds = time.perf_counter() - start
    lines = [f"TensorFlow took {seconds:.1f} seconds to import and will use the {chosen}"]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        details = tf.config.experimental.get_device_details(gpu)
        lines.append(f"{gpu.name}: {details.get('device_name')}, compute {details.get('compute_capability')}")
    return lines if gpus else [*lines, "no GPU that TensorFlow can use" + _why_no_gpu()]


def _why_no_gpu() -> str:
    if not Path("/proc/driver/nvidia/version").exists():
        return ""
    return ", although there is an NVIDIA driver: pip install 'recsys[gpu]'"
