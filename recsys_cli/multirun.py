"""Several jobs by one command: what is there already is not done again, and a table at the end says how each went."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data_prep.settings import plain
from recsys_cli.config.library import flatten
from recsys_cli.report import format_table, terminal_width

if TYPE_CHECKING:
    from omegaconf import DictConfig

JOB_HASH = "job_hash"  # in record.json
# Where, how fast and how visibly: the result is the same.
WITHOUT_BEARING = ("run_dir", "runs_dir", "resume", "device", "tensorboard", "trainer.progress", "evaluation.memory_mb",
                   "data.cache_dir", "data.raw_dir")  # fmt: skip
OURS = "recsys_cli."


class Outcome(NamedTuple):
    """words: of the job. status: finished, already there, failed, interrupted, not run. seconds: here and now."""

    words: list[str]
    status: str
    seconds: float = 0.0
    run_dir: str | None = None
    monitor: str | None = None


def job_hash(cfg: DictConfig) -> str:
    """SHA-256 of all settings that bear on the result, as they were composed."""
    values = flatten(plain(cfg))
    bearing = {k: v for k, v in values.items() if not any(k == w or k.startswith(w + ".") for w in WITHOUT_BEARING)}
    return hashlib.sha256(json.dumps(bearing, sort_keys=True).encode()).hexdigest()


def already_there(cfg: DictConfig) -> Path | None:
    """A finished run of the same settings, data and program under runs_dir (or run_dir).

    Not looked for: runs that can forget, whose state changes, and models whose code is not ours to vouch for.
    """
    own = not cfg.get("model", {}).get("_target_", "").startswith(OURS)
    if own or cfg.get("resume") or cfg.get("unlearning", {}).get("name", "none") != "none":
        return None
    digest = job_hash(cfg)
    folders = [Path(cfg.run_dir)] if cfg.run_dir else sorted(Path(cfg.runs_dir).expanduser().glob("*"))
    found = [folder for folder in folders if _read(folder / "record.json").get(JOB_HASH) == digest]
    return next((folder for folder in found if _still_valid(_read(folder / "record.json"), cfg)), None)


def _still_valid(record: dict[str, Any], cfg: DictConfig) -> bool:
    from data_prep.prepare import prepare
    from data_prep.store import read_manifest
    from recsys_cli.runs.environment import code_hash

    if record.get("status") != "finished" or record.get("environment", {}).get("code") != code_hash():
        return False
    return record.get("data_hash") == read_manifest(prepare(cfg.data))["content_hash"]


def summary(outcomes: Sequence[Outcome]) -> str:
    """A row per job: what differs, how it ended, the metric to choose by, and where it lies."""
    common = set.intersection(*(set(o.words) for o in outcomes))
    rows, metrics, places = [], [_metrics(o) for o in outcomes], []
    names = list(dict.fromkeys(name for found in metrics for name in found))
    for number, (outcome, found) in enumerate(zip(outcomes, metrics), 1):
        differs = " ".join(word for word in outcome.words if word not in common) or "-"
        values = [f"{found[name]:.4f}" if name in found else "-" for name in names]
        rows.append([str(number), differs, outcome.status, *values, f"{outcome.seconds:.1f}"])
        places.append(outcome.run_dir or "-")
    header = ["job", "what differs", "status", *names, "seconds"]
    if not any(outcome.run_dir for outcome in outcomes):
        return format_table(header, rows)
    wide = format_table([*header, "run directory"], [[*row, place] for row, place in zip(rows, places)])
    if max(map(len, wide.splitlines())) <= terminal_width():
        return wide
    return "\n".join([format_table(header, rows), *(f"job {row[0]}: {place}" for row, place in zip(rows, places))])


def _metrics(outcome: Outcome) -> dict[str, float]:
    """The value to choose by: that of the validation part; the final one where there is none."""
    if not outcome.run_dir or outcome.status not in ("finished", "already there"):
        return {}
    folder = Path(outcome.run_dir)
    if best := _read(folder / "record.json").get("best_validation"):
        return {f"validation {best['metric']}": best["value"]}
    for split in ("test", "validation"):
        values = _read(folder / f"{split}.json").get("metrics", {})
        if name := outcome.monitor if outcome.monitor in values else _first(values):
            return {f"{split} {name}": values[name]["mean"]}
    return {}


def _first(names) -> str | None:
    """NDCG at the first cut-off, or else the first metric."""
    return next((name for name in names if "NDCG" in name), next(iter(names), None))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
