"""What a run was made with: versions, machine, instruction set, and a hash of this program's own sources."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import resource
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

# Sums in another order give other bytes: what oneDNN and Eigen choose their kernels by.
KERNEL_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS")
KERNEL_FLAGS = re.compile(r"\b(avx\w*|fma|amx\w*|asimd\w*|sve\w*)\b")


def environment() -> dict[str, Any]:
    packages = ("recsys", "tensorflow", "numpy", "hydra-core", "omegaconf")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "instruction_set": instruction_set(),
        "threads": threads(),
        "cores": os.cpu_count(),
        "code": code_hash(),
        **{p: _version(p) for p in packages},
    }


def instruction_set() -> str:
    """The vector instructions of this processor, and the variables that keep libraries from using all of them."""
    limits = [f"{name}={os.environ[name]}" for name in KERNEL_VARIABLES if name in os.environ]
    return " ".join([platform.machine(), *_vector_instructions(), *limits])


def threads() -> int | str:
    """How many add up long sums, where that bears on their last bits: "any" where it does not.

    With AVX-512 TensorFlow's products (oneDNN) are the same for any number of threads; with less, those over many
    thousand rows are split among the threads (Eigen).
    """
    if any(name.startswith("avx512") for name in _vector_instructions()):
        return "any"
    tf = sys.modules.get("tensorflow")
    return (tf and tf.config.threading.get_intra_op_parallelism_threads()) or os.cpu_count() or 1


@cache
def _vector_instructions() -> tuple[str, ...]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:  # another system than Linux: the name of the machine has to do
        return ()
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return tuple(sorted(set(KERNEL_FLAGS.findall(line[1])))) if line else ()


@cache
def code_hash() -> str:
    """SHA-256 over the Python sources of the program, in order of their paths."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in ("data_prep", "recsys_cli"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def peak_memory_mb() -> float:
    """Largest resident size of this process so far."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
