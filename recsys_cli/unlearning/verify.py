"""`recsys unlearn verify=true`: derives again what the ledger says, and looks for what should not be there.

The ledger and every file are checked against their hashes, the hashes of the shards are computed from the
rows, foreign and old files are named, and one shard (drawn at random) or everything is trained again and
compared byte for byte.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from data_prep.errors import UserError
from data_prep.store import read_manifest
from recsys_cli.training.run import code_hash
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, ROWS, SHARDS, Rows, build
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.requests import commitment
from recsys_cli.unlearning.search import search
from recsys_cli.unlearning.state import OUTDATED, aggregation_entry, shard_entry
from recsys_cli.unlearning.unit import VECTORS

# Under RUN/generations/N.
PARTS = (
    "rows/inputs.json", "rows/assignment.*", "rows/data/*",
    "shards/*/inputs.json", "shards/*/vectors.*", "shards/*/origin.json", "shards/*/metrics.jsonl",
    "aggregation/*.json", "aggregation/parameters.*", "aggregation/metrics.jsonl",
    "test.json", "test_per_user.npz", "ledger.*",
)
# Under RUN; what stands there else is named, because nobody knows from which state it is.
OWN = ("config.yaml", "record.json", ".lock", "requests/*.json", *OUTDATED)


class Check(NamedTuple):
    """problem: None where all is well. note: what a person should know all the same."""

    what: str
    problem: str | None = None
    note: str | None = None


def checks(run: Path, config, *, every_shard: bool, forgotten: Sequence[tuple[str, list]] = (),
           receipt: str | None = None) -> Iterator[Check]:
    """forgotten: kinds and rows of requests, to be looked for in all files. receipt: of the first of them."""
    path = Generations(run).current
    try:
        ledger, rows = read_ledger(path), Rows.read(path)
    except UserError as error:
        yield Check("ledger and rows", str(error))
        return
    yield Check("ledger and rows are whole")
    yield _data(path, ledger, rows)
    for k, entry in enumerate(ledger["shards"]):
        yield Check(f"shard {k} is as in the ledger", _shard_problem(config, rows, path, k, entry))
    now = aggregation_entry(path, 0)["sha256"]
    yield Check("the aggregation is as in the ledger",
                None if now == ledger["aggregation"]["sha256"]
                else f"{path / AGGREGATION / PARAMETERS} was changed")
    yield _foreign(run, path)
    if receipt:
        yield _receipt(ledger, receipt, *forgotten[0])
    for kind, asked in forgotten:
        found = search(run, kind, asked)
        yield Check(f"no file of the run holds any of the {len(asked):,} forgotten {kind}",
                    f"found in {_names(found.holding)}" if found.holding else None,
                    f"cannot be searched: {_names(found.unread)}" if found.unread else None)
    yield from _trained_again(config, rows, path, every_shard)


def _receipt(ledger, receipt: str, kind: str, rows) -> Check:
    fits = [r for r in ledger["requests"] if r["commitment"] == commitment(receipt, kind, rows)]
    return Check(
        "the request of this receipt was carried out",
        None if fits else "no request of the ledger fits this receipt and this file",
        f"on {fits[0]['carried_out']}, {fits[0]['training_pairs']:,} training pairs" if fits else None,
    )


def _data(path: Path, ledger, rows: Rows) -> Check:
    content = read_manifest(path / ROWS / "data")["content_hash"]
    fits = content == ledger["data"] and len(rows.assignment) == rows.pairs.nnz
    return Check("the data is as in the ledger",
                 None if fits else f"{path / ROWS} is not what the ledger names")


def _shard_problem(config, rows: Rows, path: Path, k: int, entry) -> str | None:
    try:
        now = shard_entry(config, rows, path, k)
    except (OSError, UserError) as error:
        return str(error)
    names = {"pairs": "the number of its pairs", "sha256": "the hash of its rows", "seed": "its seed",
             "settings": "the settings of the run", "vectors": "its vectors", "code": "its code version"}
    changed = [text for key, text in names.items() if now[key] != entry[key]]
    return f"differs in {', '.join(changed)}" if changed else None


def _foreign(run: Path, path: Path) -> Check:
    """Files of other states are a problem; of a next state that was begun, or of unknown origin, a note."""
    old, unknown, unfinished = [], [], run / "generations" / f"{Generations(run).next}.partial"
    for file in sorted(run.rglob("*")):
        if file.is_dir() or file.is_symlink():
            continue
        if file.is_relative_to(path):
            if not any(fnmatch(str(file.relative_to(path)), part) for part in PARTS):
                old.append(file)
        elif file.is_relative_to(run / "generations"):
            (unknown if file.is_relative_to(unfinished) else old).append(file)
        elif not any(fnmatch(str(file.relative_to(run)), name) for name in OWN):
            unknown.append(file)
    return Check("all files belong to the current state", f"foreign: {_names(old)}" if old else None,
                 f"not of this state: {_names(unknown)}" if unknown else None)


def _trained_again(config, rows: Rows, path: Path, every_shard: bool) -> Iterator[Check]:
    entries = read_ledger(path)["shards"]
    with tempfile.TemporaryDirectory(prefix="recsys-") as folder:
        again = Path(folder)
        if every_shard:
            build(again, config, rows, None, train_shards, say=_quiet)
            shards = range(len(entries))
        else:
            shards = [secrets.randbelow(len(entries))]
            rows.write(again)
            train_shards(again, config, rows, shards, _quiet)
        names = [f"{SHARDS}/{k}/{VECTORS}" for k in shards]
        if every_shard and (path / AGGREGATION / PARAMETERS).exists():
            names.append(f"{AGGREGATION}/{PARAMETERS}")
        for name in names:
            yield Check(f"{name} trained again gives the same bytes",
                        None if (again / name).read_bytes() == (path / name).read_bytes() else _why(entries))


def _quiet(line: str) -> None:
    pass


def _why(entries) -> str:
    if any(entry["code"] != code_hash() for entry in entries):
        return "they differ: the program was of another version when it was trained, or the file was changed"
    return "they differ: the file was changed, or this machine computes otherwise"


def _names(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:5])) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
