"""When two jobs are the same: by all settings that bear on the result, whatever made them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from data_prep.settings import plain
from recsys_cli.config.library import flatten
from recsys_cli.runs.bearing import BEARING, about

if TYPE_CHECKING:
    from omegaconf import DictConfig

JOB_HASH = "job_hash"  # in record.json
# Where, how fast and how visibly: the result is the same.
WITHOUT_BEARING = ("run_dir", "runs_dir", "resume", "device", "tensorboard", "tracking", "trainer.progress",
                   "evaluation.memory_mb", "data.cache_dir", "data.raw_dir")  # fmt: skip


def job_hash(cfg: DictConfig) -> str:
    """SHA-256 of all settings that bear on the result, as they were composed."""
    values = flatten(plain(cfg))
    bearing = {k: v for k, v in values.items() if not any(k == w or k.startswith(w + ".") for w in WITHOUT_BEARING)}
    return hashlib.sha256(json.dumps(bearing, sort_keys=True).encode()).hexdigest()


def can_be_found(cfg: DictConfig) -> bool:
    """Not looked for is what goes on with a run that is named, and a model whose code nobody can vouch for."""
    return "model" in cfg and not cfg.get("resume") and about(cfg)[BEARING] is not None
