"""What decides the bytes of a training, in a few hashes: every checkpoint carries them and is compared by them.

The config that bears on training and the content of the data must be the same for a run to go on; other code, other
versions or another instruction set may round otherwise, which a person should know.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from data_prep.options import PLACES
from recsys_cli.config.library import flatten
from recsys_cli.runs.environment import code_hash, instruction_set, threads

# These say where, how long, how often or how fast, or bear on the final scores only.
FREE = (
    "run_dir", "runs_dir", "resume", "device", "tensorboard", "tracking", "data.published", "data.notes",
    "trainer.epochs", "trainer.progress", "trainer.checkpoint_every", "trainer.keep_checkpoints",
    "evaluation.memory_mb", "evaluation.bootstrap", "evaluation.per_user", "evaluation.beyond_accuracy",
    "evaluation.test", "unlearning.processes", *(f"data.{place}" for place in PLACES),
)  # fmt: skip
CONFIG_HASH, DATA_HASH = "config_hash", "data_hash"
WARNED = {
    "code": "program code",
    "python": "Python",
    "tensorflow": "TensorFlow",
    "numpy": "NumPy",
    "instruction_set": "vector instructions",
    "threads": "number of threads (device.threads)",
}


def config_hash(settings: Mapping[str, Any]) -> str:
    """SHA-256 of the settings, as in config.yaml, that bear on training."""
    kept = {
        key: value
        for key, value in flatten(dict(settings)).items()
        if not any(key == free or key.startswith(free + ".") for free in FREE)
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def identity(settings: Mapping[str, Any], data_hash: str) -> dict[str, str]:
    """For the header of a checkpoint. data_hash: the content hash of the data set."""
    return {
        CONFIG_HASH: config_hash(settings),
        DATA_HASH: data_hash,
        "code": code_hash(),
        "python": platform.python_version(),
        "tensorflow": metadata.version("tensorflow"),
        "numpy": metadata.version("numpy"),
        "instruction_set": instruction_set(),
        "threads": str(threads()),
    }


def otherwise(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What may make other bytes here than there, in words; '' for nothing. then, now: as of `identity`."""
    return "; ".join(
        f"{name} {_difference(then[key], now[key])}"
        for key, name in WARNED.items()
        if key in then and then[key] != now[key]
    )


def _difference(then: str, now: str) -> str:
    if len(then.split()) == 1 == len(now.split()):
        return f"{then[:12]} (here {now[:12]})"
    one, other = set(then.split()), set(now.split())
    only = [" ".join(sorted(words)) or "none" for words in (one - other, other - one)]
    return f"there only: {only[0]}, here only: {only[1]}"
