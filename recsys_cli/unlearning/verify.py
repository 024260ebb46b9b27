"""`recsys unlearn verify=true`: derives again what the ledger says, and looks for what should not be there.

The ledger and every file are checked against their hashes, the rows of every shard are read a second time by other
code, anything that does not belong into the run is named, and shards are trained again and compared byte for byte.
What cannot be read is a failed check, and so is a row that was asked for and that nobody can say was forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.errors import UserError
from data_prep.store import read_manifest, sha256_file
from recsys_cli.runs.config import CONFIG
from recsys_cli.text import some
from recsys_cli.unlearning.files import UNREADABLE, read_text
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.generation import (
    AGGREGATION,
    PARAMETERS,
    ROWS,
    SHARDS,
    Rows,
    aggregation_inputs,
    shard_inputs,
)
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import LEDGER, read_ledger
from recsys_cli.unlearning.matching import Match, unknown_rows
from recsys_cli.unlearning.own_files import LEDGER_FILES, altered, foreign, own_texts, state_files
from recsys_cli.unlearning.requests import Request, commitment, files_of, read_request
from recsys_cli.unlearning.search import names
from recsys_cli.unlearning.second_reader import SecondReader, disagreement
from recsys_cli.unlearning.state import clear_trial, shard_entry
from recsys_cli.unlearning.trained_again import differing, why
from recsys_cli.unlearning.unit import INPUTS
from recsys_cli.unlearning.whole import is_whole

Answer = tuple[str | None, str | None]


class Check(NamedTuple):
    """problem: None where all is well. note: what a person should know all the same."""

    what: str
    problem: str | None = None
    note: str | None = None


class Asked(NamedTuple):
    """What the person named. contents: rows to be looked for everywhere. match: of the file, where some of its rows
    are not in the data and nobody has said why. receipt: of the request of the first content. digest: of the ledger,
    as it was shown when it was written. shards: which are trained again, see trained_again.py."""

    contents: Sequence[Content] = ()
    match: Match | None = None
    ignore_missing: bool = False
    receipt: str | None = None
    digest: str | None = None
    shards: str = "touched"


def checks(run: Path, config, asked: Asked) -> Iterator[Check]:
    """config: the root node of the run."""
    generations = Generations(run)
    try:
        path = generations.current
        generations.refuse_strange()
        ledger, rows = read_ledger(path), Rows.read(path)
        own = state_files(path, rows, config.unlearning.shards)
        clear_trial(run)  # of a call that was killed
    except UNREADABLE as error:
        yield Check("ledger and rows are whole", _sentence(error))
        return
    yield _guarded("ledger and rows are whole", lambda: _ledger(path, ledger, rows, config, asked.digest))
    wrong = altered(run, path, own, ledger.get("files", {}))
    yield Check(
        "the config and every file of the state are as in the ledger",
        "; ".join(f"{file} {reason}" for file, reason in list(wrong.items())[:5]) or None,
    )
    for k in range(config.unlearning.shards):
        yield _guarded(f"shard {k} is as in the ledger", partial(_shard, config, rows, path, k, ledger))
    yield _guarded(
        "a second reading of the rows finds the same in every shard", lambda: (_read_again(config, path, ledger), None)
    )
    yield _guarded("what stands beside the parts agrees with the ledger", lambda: (_evidence(config, rows, path), None))
    waiting, damaged = _pending(run)
    known = {path / name for name in own | LEDGER_FILES} | {run / CONFIG, *waiting, *damaged, *wrong}
    others = foreign(run, rows, known)
    yield Check(
        "all files belong to the current state",
        f"foreign: {some(others)}; delete them, or recsys unlearn run={run} completes what was begun"
        if others
        else None,
    )
    yield Check(
        "all requests can be read",
        f"{some(damaged)} cannot be read: discard=true drops it" if damaged else None,
        f"{len(waiting)} pending: recsys unlearn run={run} carries them out" if waiting else None,
    )
    yield from _asked_for(run, asked, rows, ledger, waiting)
    if run / CONFIG in wrong:
        yield Check("training again gives the same bytes", f"not tried: put back the {run / CONFIG} that was written")
        return
    yield from _trained_again(run, config, rows, path, ledger, asked.shards)


def _asked_for(run: Path, asked: Asked, rows: Rows, ledger, waiting: Mapping[Path, Request]) -> Iterator[Check]:
    if asked.receipt:
        yield _guarded("the request of this receipt was carried out", lambda: _receipt(ledger, asked))
    if asked.match:
        said = (
            f"{asked.match.sentence()}. Nothing says that it was ever forgotten here rather than never there: without "
            "the receipt of the request (receipt=...) one cannot tell"
        )
        yield Check(
            "every row asked for was forgotten",
            *((None, f"except what missing=ignore passes over: {said}") if asked.ignore_missing else (said, None)),
        )
    for kind, wanted in asked.contents:
        places = [file for file, text in own_texts(run, ledger).items() if names(text, kind, wanted)]
        places += [file for file, request in waiting.items() if _asks_for(request, kind, wanted)]
        if not unknown_rows(kind, wanted, rows.dataset).all():
            places.append(run / "current" / ROWS)
        yield Check(
            f"no file of the run holds any of the {len(wanted):,} {kind} asked for",
            f"found in {some(places)}" if places else None,
        )


def _trained_again(run: Path, config, rows: Rows, path: Path, ledger, which: str) -> Iterator[Check]:
    try:
        for name, differs in differing(run, config, rows, path, ledger, which).items():
            yield Check(f"{name} trained again gives the same bytes", why(ledger) if differs else None)
    except UNREADABLE as error:
        yield Check("training again gives the same bytes", _sentence(error))


def _guarded(what: str, look: Callable[[], Answer]) -> Check:
    try:
        return Check(what, *look())
    except UNREADABLE as error:
        return Check(what, _sentence(error))


def _sentence(error: Exception) -> str:
    """Of any error that reading a damaged file may raise."""
    if isinstance(error, UserError):
        return str(error)
    return " ".join(f"a file is damaged ({type(error).__name__}: {error}): train again".split())


def _ledger(path: Path, ledger, rows: Rows, config, digest: str | None) -> Answer:
    now = sha256_file(path / LEDGER)
    if digest not in (None, now):
        return (
            f"{path / LEDGER} has the digest {now}: it was rewritten, or it is of another state than "
            f"that of {digest} (this one is state {ledger['generation']})"
        ), None
    if path.name != str(ledger["generation"]):
        return f"{path / LEDGER} is of state {ledger['generation']}: put back the current one", None
    if (config.seed, config.unlearning.name) != (ledger["seed"], ledger["method"]):
        return f"{path / LEDGER} names another seed or method than config.yaml", None
    content = read_manifest(path / ROWS / "data")["content_hash"]
    if content != ledger["data"] or len(rows.assignment) != rows.pairs.nnz:
        return f"{path / ROWS} is not what the ledger names", None
    if len(ledger["shards"]) != config.unlearning.shards:
        return f"{path / LEDGER} has another number of shards than config.yaml", None
    return None, f"digest {now}, {'as' if digest else 'to be'} compared with the one that was shown"


def _receipt(ledger, asked: Asked) -> Answer:
    kind, rows = asked.contents[0]
    fits = [r for r in ledger["requests"] if r["commitment"] == commitment(asked.receipt or "", kind, rows)]
    if not fits:
        return "no request of the ledger fits this receipt and this file", None
    entry = fits[0]
    done = f"on {entry['carried_out']}, {entry['training_pairs']:,} training pairs"
    if missing := entry.get("unmatched", 0):
        done += f"; {missing:,} of the {missing + entry['rows']:,} rows of the file matched nothing then"
        if not asked.ignore_missing:
            return f"{done}, and were passed over; missing=ignore accepts that", None
    return None, done


def _shard(config, rows: Rows, path: Path, k: int, ledger) -> Answer:
    now, entry = shard_entry(config, rows, path, k), ledger["shards"][k]
    texts = {
        "pairs": "the number of its pairs",
        "sha256": "the hash of its rows",
        "seed": "its seed",
        "settings": "the settings of the run",
        "vectors": "its vectors",
        "code": "its code version",
    }
    changed = [text for key, text in texts.items() if now[key] != entry[key]]
    return f"differs in {', '.join(changed)}" if changed else None, None


def _read_again(config, path: Path, ledger) -> str | None:
    reader = SecondReader(path, whole=is_whole(config))
    found = [disagreement(reader, k, entry) for k, entry in enumerate(ledger["shards"])]
    return next(filter(None, found), None)


def _evidence(config, rows: Rows, path: Path) -> str | None:
    """inputs.json of the rows, of every shard and of the aggregation, which training wrote before it began."""
    expected: dict[Path, Any] = {path / ROWS / INPUTS: rows.inputs()}
    expected |= {
        path / SHARDS / str(k) / INPUTS: shard_inputs(config, rows, k) for k in range(config.unlearning.shards)
    }
    if (path / AGGREGATION / PARAMETERS).exists():
        expected[path / AGGREGATION / INPUTS] = aggregation_inputs(path, config, rows)
    wrong = [file for file, inputs in expected.items() if json.loads(read_text(file)) != inputs]
    return f"{some(wrong)}: it was made from other rows, seed or settings" if wrong else None


def _pending(run: Path) -> tuple[dict[Path, Request], list[Path]]:
    """Requests by their files, and files that are none."""
    found, damaged = {}, []
    try:
        files = files_of(run)
    except UserError:  # a link, which is foreign
        return {}, []
    for file in files:
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
