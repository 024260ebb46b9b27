"""The files of a run: what each is, what it holds of people, and what forgetting does about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.entries import all_files
from recsys_cli.datamap.places import IDS, LEARNT, NOTHING, ROWS, UNKNOWN, VALUES, Place

STATE = r"generations/(?P<state>\d+)/"
YOURS = "yours to delete"
LEFT = "the rows that are left"
EMPTY = ("requests", "evaluations", "checkpoints")  # folders, where there is nothing in them


class Rule(NamedTuple):
    """Of files whose path in the run matches. done: by `recsys unlearn`, in a run that can forget."""

    pattern: str
    what: str
    holds: str
    done: str


IN_STATE = (
    Rule(r"rows/assignment\..*", "which shard each row is in", ROWS, "written again without the forgotten rows"),
    Rule(r"rows/.*", LEFT, ROWS, "written again without the forgotten rows"),
    Rule(
        r"shards/.*",
        "a sub-model, and what it was made from",
        LEARNT,
        "trained again where a forgotten row was in it, otherwise kept by its hash",
    ),
    Rule(r"aggregation/.*", "the aggregation of the sub-models", LEARNT, "trained again"),
    Rule(r"ledger\.(json|sha256)", "the ledger: hashes, counts, commitments", NOTHING, "written again"),
    Rule(r"test_per_user\.npz", "metrics of each user", VALUES, "made again without the forgotten"),
    Rule(r"test\.json", "means of the metrics", NOTHING, "made again"),
)
BESIDE = (
    Rule(r"requests/.*", "requests that are pending, in clear", ROWS, "removed when they are carried out"),
    Rule(r"evaluations/.*_per_user\.npz", "metrics of each user", VALUES, "removed with the state they are of"),
    Rule(r"(evaluations/.*|validation|test)\.json", "means of metrics", NOTHING, "removed with the state they are of"),
    Rule(r"(test|validation)_per_user\.npz", "metrics of each user", VALUES, "removed with the state they are of"),
    Rule(r"checkpoints/.*", "parameters of the model", LEARNT, "removed when training is complete"),
    Rule(r"(config\.yaml|\.lock|record\.json)", "settings, and how the run went", NOTHING, "kept"),
    Rule(r"(metrics\.jsonl|log\.txt|tensorboard/.*)", "losses and means of metrics", NOTHING, "kept"),
    Rule(r"error\.log", "the report of a crash, which may name ids", IDS, "removed with the state it is of"),
    Rule(r"verifying/.*", "a trial that was cut off", LEARNT, "removed by the next call"),
)
CANNOT = "this run cannot forget: train again without the rows (unlearning=... can), and delete it"


def inside(run: Path, ledger: Mapping[str, Any] | None) -> list[Place]:
    """ledger: of the current state; None for a run that cannot forget."""
    found = []
    for file in all_files(run):
        name = str(file.relative_to(run))
        if file.is_symlink():
            if not _is_own_link(file, name):
                found.append(Place(file, "a link, which the program did not make", UNKNOWN, YOURS))
            continue
        if name not in EMPTY:
            found.append(_place(file, name, ledger))
    return found


def _place(file: Path, name: str, ledger: Mapping[str, Any] | None) -> Place:
    in_state = re.match(STATE, name)
    rules, rest = (IN_STATE, name[in_state.end() :]) if in_state else (BESIDE, name)
    if ledger is not None and in_state and int(in_state["state"]) != ledger["generation"]:
        return Place(file, "of a state that is not the current one", ROWS, "removed by the next recsys unlearn")
    if re.match(r"generations/\d+\.partial/", name):
        return Place(file, "of a state that was not completed", ROWS, "completed or removed by the next recsys unlearn")
    rule = next((rule for rule in rules if re.fullmatch(rule.pattern, rest)), None)
    if rule is None:
        return Place(file, "not a file of this program; recsys unlearn verify fails by its name", UNKNOWN, YOURS)
    if ledger is None:
        return Place(file, rule.what, rule.holds, CANNOT if rule.holds in (LEARNT, VALUES, ROWS) else "kept")
    return Place(file, rule.what, rule.holds, rule.done + (_when(ledger) if in_state else ""))


def _when(ledger: Mapping[str, Any]) -> str:
    """The last request that led to this state."""
    done = [entry["carried_out"] for entry in ledger["requests"] if entry["generation"] == ledger["generation"]]
    return f"; last on {max(done)[:10]}" if done else ""


def _is_own_link(file: Path, name: str) -> bool:
    target = str(file.readlink())
    return name == "current" or ("/" not in name and target == f"current/{name}")
