"""`verify` trains again: the shards that the last requests touched, and from all of them the aggregation."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.store import sha256_file
from recsys_cli.runs.environment import environment
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, SHARDS, Rows, build
from recsys_cli.unlearning.own_files import PER_USER, TEST
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.state import clear_trial
from recsys_cli.unlearning.unit import VECTORS

EXPLAINING = ("code", "instruction_set", "threads", "machine", "tensorflow", "numpy", "recsys", "python", "cores")


def differing(run: Path, config, rows: Rows, path: Path, ledger: Mapping[str, Any], which: str) -> dict[str, bool]:
    """Trains into the run directory, and removes it again; whether each result has other bytes than in the state.

    which: `touched` (by the last requests; one drawn at random where there were none), `one` (drawn at random, and no
    aggregation) or `all` shards.
    """
    again = clear_trial(run)
    shards = shards_to_train(ledger, which)
    names = [f"{SHARDS}/{k}/{VECTORS}" for k in shards]
    try:
        rows.write(again)
        train_shards(again, config, rows, shards, _quiet)
        if which != "one":
            build(again, config, rows, path, train_shards, _quiet)  # takes over the shards that are not to be trained
            names += [f"{AGGREGATION}/{PARAMETERS}", TEST, PER_USER]
        names = [name for name in names if (again / name).exists() or (path / name).exists()]
        return {name: sha256_file(again / name) != sha256_file(path / name) for name in names}
    finally:
        shutil.rmtree(again, ignore_errors=True)


def shards_to_train(ledger: Mapping[str, Any], which: str) -> list[int]:
    n_shards = len(ledger["shards"])
    if which == "all":
        return list(range(n_shards))
    touched = [k for k in ledger.get("touched", []) if type(k) is int and 0 <= k < n_shards]
    return touched if touched and which == "touched" else [secrets.randbelow(n_shards)]


def why(ledger: Mapping[str, Any]) -> str:
    """What may lie behind other bytes, by what the ledger records of the machine and the program."""
    then, now = ledger.get("environment", {}), environment()
    changed = [
        f"{key} (then {_shown(key, then)}, now {_shown(key, now)})"
        for key in EXPLAINING
        if str(then.get(key)) != str(now.get(key))
    ]
    if any(shard["code"] != now["code"] for shard in ledger["shards"]):
        changed.append("the version of this program that trained some shards")
    if changed:
        return (
            f"they differ: the file was changed, or it is because of {', '.join(changed)}: other versions and other "
            "processors (instruction sets, numbers of threads) compute other bytes; try again where it was trained"
        )
    return (
        "they differ: the file was changed, or the processor has another instruction set than the one where it was "
        "trained; versions and machine are as recorded"
    )


def _shown(key: str, environment: Mapping[str, Any]) -> str:
    value = str(environment.get(key, "not recorded"))
    return value[:12] if key == "code" else value


def _quiet(line: str) -> None:
    pass
