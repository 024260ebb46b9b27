"""Requests to forget, kept in the run from when they are asked until they are carried out.

RUN/requests/<id>.json holds the rows in clear, for the owner of the run alone to read, with a SHA-256 of all that it
says. It says also how many pairs the request found when it was taken in: it must find as many when it is carried out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.entries import check_folder
from data_prep.errors import UserError
from data_prep.files import make_folder, sync_folder, write_file
from recsys_cli.data.dataset import Dataset
from recsys_cli.unlearning.files import UNREADABLE, read_text
from recsys_cli.unlearning.forget_file import COLUMNS, Row
from recsys_cli.unlearning.matching import Match, unknown_rows

FOLDER = "requests"


class Request(NamedTuple):
    """rows: distinct raw ids that are in the data. unmatched: how many rows of the file are not. commitment: to all
    rows of the file, see ledger.py. The pairs are those that it found when it was taken in."""

    id: str
    kind: str
    rows: list[Row]
    unmatched: int
    training_pairs: int
    held_out_pairs: int
    commitment: str
    asked: str

    def entry(self) -> dict[str, Any]:
        """For the ledger: nothing of its rows."""
        return {**self._asdict(), "rows": len(self.rows)}


def new_request(match: Match, training_pairs: int, held_out_pairs: int) -> tuple[Request, str]:
    """The request and its receipt, which is kept nowhere."""
    receipt = secrets.token_hex(16)
    return Request(
        id=secrets.token_hex(8),
        kind=match.kind,
        rows=match.matched,
        unmatched=len(match.unmatched),
        training_pairs=training_pairs,
        held_out_pairs=held_out_pairs,
        commitment=commitment(receipt, match.kind, match.matched + match.unmatched),
        asked=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    ), receipt


def commitment(key: str, kind: str, rows: Sequence[Row]) -> str:
    return hmac.new(key.encode(), json.dumps([kind, sorted(rows)]).encode(), hashlib.sha256).hexdigest()


def pending(run: Path) -> list[Request]:
    """In the order in which they were asked. Raises UserError where one is damaged, or two are the same."""
    found = [read_request(file) for file in files_of(run)]
    _refuse_copies(found)
    return sorted(found, key=lambda request: (request.asked, request.id))


def files_of(run: Path) -> list[Path]:
    check_folder(run / FOLDER)
    return sorted((run / FOLDER).glob("*.json"))


def read_request(file: Path) -> Request:
    """Raises UserError unless the file has the very bytes that `keep_pending` wrote."""
    try:
        text = read_text(file)
        content = json.loads(text)["request"]
        request = Request(**{**content, "rows": [tuple(row) for row in content["rows"]]})
        if _text(request) != text or not _fits(request, file):
            raise ValueError("its checksum does not fit")
        return request
    except UNREADABLE:
        raise UserError(
            f"{file} is damaged: its bytes are not those that were written, and what it asked for is unknown. Remove "
            "it, or all pending requests with discard=true, and ask again."
        ) from None


def still_to_do(found: Iterable[Request], ledger: Mapping[str, Any], dataset: Dataset) -> list[Request]:
    """Without those that the ledger says were carried out. dataset: of the current state.

    Raises UserError for one that only seems to be: whose rows are there, or that bears the commitment of another. It
    must neither be dropped as done nor get an entry.
    """
    done = {entry["id"]: entry for entry in ledger["requests"]}
    commitments = {entry["commitment"] for entry in done.values()}
    left = []
    for request in found:
        entry = done.get(request.id)
        if entry and entry.items() >= request.entry().items():
            if unknown_rows(request.kind, request.rows, dataset).all():
                continue
            raise _forged(request)
        if entry or request.commitment in commitments:
            raise _forged(request)
        left.append(request)
    return left


def keep_pending(run: Path, request: Request) -> None:
    """To last, before anybody is given its receipt."""
    folder = make_folder(run / FOLDER, run)
    folder.chmod(0o700)  # before there is anything to read in it
    file = folder / f"{request.id}.json"
    write_file(file, _text(request).encode())
    file.chmod(0o600)
    sync_folder(folder)
    sync_folder(run)


def drop_pending(run: Path, ids: Iterable[str] | None = None) -> int:
    """Removes these requests, or all, and files half written; returns how many requests there were."""
    wanted = None if ids is None else set(ids)
    files = [file for file in files_of(run) if wanted is None or file.stem in wanted]
    for file in [*(run / FOLDER).glob("*.partial"), *files]:
        file.unlink()
    return len(files)


def _text(request: Request) -> str:
    said = json.dumps(request._asdict(), sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()
    return f'{{"request": {said}, "sha256": "{digest}"}}\n'


def _fits(request: Request, file: Path) -> bool:
    width = len(COLUMNS[request.kind])
    return (
        bool(re.fullmatch("[0-9a-f]{16}", request.id))
        and file.stem == request.id
        and all(len(row) == width and all(type(name) is str for name in row) for row in request.rows)
        and all(type(n) is int for n in (request.unmatched, request.training_pairs, request.held_out_pairs))
    )


def _refuse_copies(found: Sequence[Request]) -> None:
    seen: set[str] = set()
    for request in found:
        if request.commitment in seen:
            raise _forged(request)
        seen.add(request.commitment)


def _forged(request: Request) -> UserError:
    return UserError(
        f"{FOLDER}/{request.id}.json bears the commitment of another request, so this program did not write it. "
        "Nothing changed: remove it, or all pending requests with discard=true, and ask again."
    )
