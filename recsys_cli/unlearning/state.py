"""From a built state to the current one: its ledger, the switch, and what must go afterwards."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.entries import all_files, is_folder
from data_prep.store import read_manifest, sha256_file
from recsys_cli.runs.directory import Run
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, ROWS, SHARDS, Built, Rows, shard_inputs
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import LEDGER, read_ledger, write_ledger
from recsys_cli.unlearning.own_files import LINKS, hashes, state_files
from recsys_cli.unlearning.requests import drop_pending
from recsys_cli.unlearning.unit import VECTORS, code_of, shard_epochs, training_seconds

# Made from an earlier state; the names in the run directory itself are those of older versions of the program.
OUTDATED = ("evaluations/*.json", "evaluations/*.npz", "*-again.json", "*-again_per_user.npz", "error.log")
TRIAL = "verifying"  # in the run directory, while something is trained to be compared only


def publish(
    run: Run,
    generations: Generations,
    config,
    rows: Rows,
    path: Path,
    built: Built,
    *,
    partition: Mapping[str, Any],
    touched: Sequence[int],
    parent: Mapping[str, Any] | None,
    requests: Sequence[Mapping[str, Any]],
) -> Path:
    """Makes the state in `path` the current one, shows the digest of its ledger, and cleans up.

    touched: shards trained for this state, beside those of the parent. parent: the ledger of the state before.
    requests: entries for the ledger.
    """
    content = read_manifest(path / ROWS / "data")["content_hash"]
    own = state_files(path, rows, config.unlearning.shards)
    _remove_all_but(path, own)
    facts = {
        "method": config.unlearning.name,
        "seed": config.seed,
        "data": content,
        "partition": dict(partition),
        "touched": list(touched),
        "aggregation": aggregation_entry(path, built.aggregation_seconds),
        "evaluation_seconds": round(built.result.seconds, 3),
        "files": hashes(run.path, path, own),
    }
    shards = [shard_entry(config, rows, path, k) for k in range(config.unlearning.shards)]
    digest = write_ledger(path, number=generations.next, shards=shards, facts=facts, parent=parent, requests=requests)
    complete = generations.commit(path)
    print(
        f"ledger {digest}: keep it; recsys unlearn verify run={run.path} ledger={digest} shows later "
        "that nobody wrote another one"
    )
    epochs = shard_epochs(config)
    seconds = [shard["seconds"] for shard in shards]
    run.finish(
        "finished",
        training_seconds=round(sum(seconds), 2),
        evaluation_seconds=round(built.result.seconds, 3),
        seconds_per_epoch=round(statistics.median(seconds) / max(epochs, 1), 4),
        epoch=epochs,
    )
    tidy(run, generations)
    return complete


def tidy(run: Run, generations: Generations) -> int:
    """Removes what the current state has left behind; safe to repeat. Returns the requests found carried out.

    Their files go last: as long as one is there, a call that was cut off is recognised.
    """
    ledger = read_ledger(generations.current)
    generations.sweep()
    clear_trial(run.path)
    since = (generations.current / LEDGER).stat().st_mtime
    for pattern in OUTDATED:
        for file in run.path.glob(pattern):
            if file.stat().st_mtime < since:
                file.unlink()
    for name in LINKS:
        link = run.path / name
        if not link.is_symlink() and (generations.current / name).exists():
            link.symlink_to(Path("current") / name)
    facts = {"data_hash": ledger["data"], "generation": ledger["generation"]}
    if run.record != (record := {**run.record, **facts}):
        run.record = record
        run.write_record()
    return drop_pending(run.path, {request["id"] for request in ledger["requests"]})


def _remove_all_but(path: Path, names: set[str]) -> None:
    """What nobody vouches for does not enter a state, such as checkpoints left by a crash."""
    for file in list(all_files(path)):
        if str(file.relative_to(path)) not in names:
            file.rmdir() if is_folder(file) else file.unlink()


def clear_trial(run: Path) -> Path:
    """The folder for training that is only compared, without what a killed call left in it."""
    trial = run / TRIAL
    if trial.is_symlink() or trial.is_file():
        trial.unlink()
    shutil.rmtree(trial, ignore_errors=True)
    return trial


def shard_entry(config, rows: Rows, path: Path, k: int) -> dict[str, Any]:
    """All but the seconds can be derived again from the state itself."""
    folder, inputs = path / SHARDS / str(k), shard_inputs(config, rows, k)
    return {
        "pairs": int(np.count_nonzero(rows.assignment == k)),
        "sha256": inputs["rows"],
        "seed": inputs["seed"],
        "settings": inputs["settings"],
        "vectors": sha256_file(folder / VECTORS),
        "code": code_of(folder),
        "seconds": round(training_seconds(folder), 2),
    }


def aggregation_entry(path: Path, seconds: float) -> dict[str, Any]:
    file = path / AGGREGATION / PARAMETERS
    return {"sha256": sha256_file(file) if file.exists() else None, "seconds": round(seconds, 2)}


def declaration(partition: Mapping[str, Any], generation: int) -> str:
    """What the partition may still know of rows forgotten since it was made. partition: as in the ledger."""
    if partition["computed_in"] == generation:
        return "the partition was made from the remaining rows alone"
    if partition["by"] == "whole":
        return "there are no shards, so that nothing was shared out before the deletion"
    if partition["by"] == "propagation":
        return (
            "the partition was computed before the deletion, from the graph of all rows of that time; repartition=true "
            "makes it anew"
        )
    known = {
        "trained": "from vectors trained on all rows of that time",
        "random": "from random vectors and the rows of that time",
        "none": "by a random permutation of the rows of that time",
    }
    how = known.get(partition["vectors"], "from public vectors and the rows of that time")
    return f"the partition was computed before the deletion, {how}; repartition=true makes it anew"


def partition_entry(settings, generation: int) -> dict[str, Any]:
    """For the ledger. settings: a node of configs/unlearning."""
    balanced = settings.partition not in ("random", "propagation") and settings.shards > 1
    return {
        "by": "whole" if settings.aggregation == "none" else settings.partition,
        "vectors": settings.partition_vectors if balanced else "none",
        "computed_in": generation,
    }
