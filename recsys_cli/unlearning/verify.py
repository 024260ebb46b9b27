"""`recsys unlearn verify=true`: derives again what the ledger says, and looks for what should not be there.

The ledger and every file are checked against their hashes, the hashes of the shards are computed from the
rows, foreign files are named and searched, and one shard (drawn at random) or everything is trained again
and compared byte for byte. What cannot be read is a failed check.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.errors import UserError
from data_prep.store import read_manifest
from recsys_cli.runs.environment import code_hash
from recsys_cli.unlearning.generation import AGGREGATION, PARAMETERS, ROWS, SHARDS, Rows, build
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import LEDGER, read_ledger, sha256_of
from recsys_cli.unlearning.own_files import LEDGER_FILES, altered, beside_the_state, state_files
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.requests import FOLDER, Request, commitment, read_request
from recsys_cli.unlearning.search import UNREADABLE, all_files, search
from recsys_cli.unlearning.state import TRIAL, shard_entry
from recsys_cli.unlearning.unit import VECTORS

Forgotten = Sequence[tuple[str, list[tuple[str, ...]]]]


class Check(NamedTuple):
    """problem: None where all is well. note: what a person should know all the same."""

    what: str
    problem: str | None = None
    note: str | None = None


def checks(
    run: Path,
    config,
    *,
    every_shard: bool,
    forgotten: Forgotten = (),
    receipt: str | None = None,
    digest: str | None = None,
) -> Iterator[Check]:
    """forgotten: kinds and rows of requests, to be looked for in all files. receipt: of the first of them.
    digest: of the ledger, as it was shown when it was written."""
    path = Generations(run).current
    try:
        ledger, rows = read_ledger(path), Rows.read(path)
        own = state_files(path, rows, config.unlearning.shards)
    except UNREADABLE as error:
        yield Check("ledger and rows are whole", _sentence(error))
        return
    shutil.rmtree(run / TRIAL, ignore_errors=True)  # of a call that was killed
    yield _guarded("ledger and rows are whole", lambda: _ledger(path, ledger, rows, config, digest))
    wrong = altered(run, path, own, ledger.get("files", {}))
    yield Check(
        "the config and every file of the state are as in the ledger",
        "; ".join(f"{file} {why}" for file, why in list(wrong.items())[:5]) or None,
    )
    for k in range(config.unlearning.shards):
        yield _guarded(
            f"shard {k} is as in the ledger",
            lambda k=k: (_shard_problem(config, rows, path, k, ledger["shards"][k]), None),
        )
    waiting, damaged = _pending(run)
    skip = (
        {path / name for name in own | LEDGER_FILES}
        | {run / "config.yaml"}
        | beside_the_state(run, rows)
        | waiting.keys()
    ) - wrong.keys()
    yield _foreign(run, skip | wrong.keys())
    yield Check(
        "all requests are carried out",
        f"{_names(damaged)} cannot be read: discard=true drops it" if damaged else None,
        f"{len(waiting)} pending: recsys unlearn run={run} carries them out" if waiting else None,
    )
    if receipt:
        yield _guarded("the request of this receipt was carried out", lambda: _receipt(ledger, receipt, *forgotten[0]))
    for kind, asked in forgotten:
        holding = search(run, kind, asked, skip).holding
        holding += [file for file, request in waiting.items() if _asks_for(request, kind, asked)]
        yield Check(
            f"no file of the run holds any of the {len(asked):,} forgotten {kind}",
            f"found in {_names(holding)}" if holding else None,
        )
    if run / "config.yaml" in wrong:
        yield Check(
            "training again gives the same bytes", f"not tried: put back the {run / 'config.yaml'} that was written"
        )
        return
    yield from _trained_again(run, config, rows, path, ledger["shards"], every_shard)


def _guarded(what: str, look: Callable[[], tuple[str | None, str | None]]) -> Check:
    try:
        return Check(what, *look())
    except UNREADABLE as error:
        return Check(what, _sentence(error))


def _sentence(error: Exception) -> str:
    """Of any error that reading a damaged file may raise."""
    if isinstance(error, UserError):
        return str(error)
    return " ".join(f"a file is damaged ({type(error).__name__}: {error}): train again".split())


def _ledger(path: Path, ledger, rows: Rows, config, digest: str | None) -> tuple[str | None, str | None]:
    now = sha256_of(path / LEDGER)
    if digest not in (None, now):
        return (
            f"{path / LEDGER} has the digest {now}: it was rewritten, or it is of another state than "
            f"that of {digest} (this one is state {ledger['generation']})"
        ), None
    if path.name != str(ledger["generation"]) or (path / LEDGER).is_symlink():
        return f"{path / LEDGER} is of state {ledger['generation']}: put back the current one", None
    if (config.seed, config.unlearning.name) != (ledger["seed"], ledger["method"]):
        return f"{path / LEDGER} names another seed or method than config.yaml", None
    content = read_manifest(path / ROWS / "data")["content_hash"]
    if content != ledger["data"] or len(rows.assignment) != rows.pairs.nnz:
        return f"{path / ROWS} is not what the ledger names", None
    if len(ledger["shards"]) != config.unlearning.shards:
        return f"{path / LEDGER} has another number of shards than config.yaml", None
    return None, f"digest {now}, {'as' if digest else 'to be'} compared with the one that was shown"


def _receipt(ledger, receipt: str, kind: str, rows) -> tuple[str | None, str | None]:
    fits = [r for r in ledger["requests"] if r["commitment"] == commitment(receipt, kind, rows)]
    if not fits:
        return "no request of the ledger fits this receipt and this file", None
    return None, f"on {fits[0]['carried_out']}, {fits[0]['training_pairs']:,} training pairs"


def _shard_problem(config, rows: Rows, path: Path, k: int, entry: Mapping[str, Any]) -> str | None:
    now = shard_entry(config, rows, path, k)
    names = {
        "pairs": "the number of its pairs",
        "sha256": "the hash of its rows",
        "seed": "its seed",
        "settings": "the settings of the run",
        "vectors": "its vectors",
        "code": "its code version",
    }
    changed = [text for key, text in names.items() if now[key] != entry[key]]
    return f"differs in {', '.join(changed)}" if changed else None


def _pending(run: Path) -> tuple[dict[Path, Request], list[Path]]:
    """Requests by their files, and files that are none."""
    found, damaged = {}, []
    for file in sorted((run / FOLDER).glob("*.json")):
        try:
            found[file] = read_request(file)
        except UNREADABLE:
            damaged.append(file)
    return found, damaged


def _asks_for(request: Request, kind: str, asked) -> bool:
    """Whether its file names a row, or any pair of a user or item."""
    if request.kind == kind or "pairs" not in (request.kind, kind):
        return request.kind == kind and not set(request.rows).isdisjoint(asked)
    whole, pairs, side = (asked, request.rows, kind) if request.kind == "pairs" else (request.rows, asked, request.kind)
    return not {(pair[side == "items"],) for pair in pairs}.isdisjoint(whole)


def _foreign(run: Path, known: set[Path]) -> Check:
    """Among the states, or not to be read: a problem. Others are named, because nobody knows from which
    state they are."""
    states = run / "generations"
    others = [file for file in all_files(run) if file not in known]
    unread = set(search(run, "pairs", [], known).unread)
    bad = [file for file in others if file.is_relative_to(states) or file in unread]
    notes = [file for file in others if file not in bad]
    return Check(
        "all files belong to the current state",
        f"foreign: {_names(bad)}; delete them, or recsys unlearn run={run} completes what was begun" if bad else None,
        f"not of this state: {_names(notes)}" if notes else None,
    )


def _trained_again(run: Path, config, rows: Rows, path: Path, entries, every_shard: bool) -> Iterator[Check]:
    again, shards = run / TRIAL, range(len(entries))
    try:
        if every_shard:
            build(again, config, rows, None, train_shards, say=_quiet)
        else:
            shards = [secrets.randbelow(len(entries))]
            rows.write(again)
            train_shards(again, config, rows, shards, _quiet)
        names = [f"{SHARDS}/{k}/{VECTORS}" for k in shards]
        if every_shard and (again / AGGREGATION / PARAMETERS).exists():
            names.append(f"{AGGREGATION}/{PARAMETERS}")
        for name in names:
            yield _guarded(
                f"{name} trained again gives the same bytes",
                lambda name=name: (None if sha256_of(again / name) == sha256_of(path / name) else _why(entries), None),
            )
    except UNREADABLE as error:
        yield Check("training again gives the same bytes", _sentence(error))
    finally:
        shutil.rmtree(again, ignore_errors=True)


def _quiet(line: str) -> None:
    pass


def _why(entries) -> str:
    if any(entry["code"] != code_hash() for entry in entries):
        return "they differ: the program was of another version when it was trained, or the file was changed"
    return "they differ: the file was changed, or this machine computes otherwise"


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:5])) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
