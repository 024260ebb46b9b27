"""The ledger of a state: what its parts were trained on, and what was forgotten when.

For every shard: SHA-256 of its ordered rows, seed, code version and SHA-256 of its vectors; and SHA-256 of
every file of the state and of the config. `recsys unlearn verify=true` derives all of them again.
For every request: kind, counts, times, and a commitment.

What the ledger must NOT hold is what was forgotten. There are so few possible (user, item) pairs that
any hash of a single row, salted or not, can be inverted by trying them all once the salt is known; and
the hash of a shard BEFORE a deletion, or of the whole data, gives the deleted row away to anyone who
knows the others. Therefore a state keeps hashes of what is left only, the states of a run are linked by
random ids, and a request leaves HMAC-SHA256(key, its rows) with a key of 128 bits that is shown once, as
a receipt, and kept nowhere. Whoever has the receipt and the file can show that the request was carried
out; nobody else can learn a row.

`touched` names the shards that were trained for this state, so that `verify` trains those again and not others. It
tells of the rows forgotten last in which of the K shards they lay, which the times of the files in these shards tell
as well; the next state writes its own over it, and it says nothing of which rows of a shard there were.

Who can write into a run can write another ledger. Its own SHA-256 is therefore shown when it is written;
who keeps that digest recognises a ledger that was rewritten.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.runs.environment import environment
from recsys_cli.unlearning.files import read_text

LEDGER = "ledger.json"
KEYS = {"generation", "id", "seed", "method", "data", "partition", "aggregation", "shards", "requests"}


def write_ledger(
    generation: Path,
    *,
    number: int,
    shards: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    parent: Mapping[str, Any] | None,
    requests: Sequence[Mapping[str, Any]],
) -> str:
    """Returns its digest. facts: what else holds for this state. requests: those that led to it from the
    parent."""
    done = {"generation": number, "carried_out": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    ledger = {
        "generation": number,
        "id": secrets.token_hex(16),
        "parent": parent and parent["id"],
        "environment": environment(),
        **facts,
        "shards": list(shards),
        "requests": (parent["requests"] if parent else []) + [{**request, **done} for request in requests],
    }
    payload = (json.dumps(ledger, indent=1, sort_keys=True) + "\n").encode()
    digest = hashlib.sha256(payload).hexdigest()
    write_file((generation / LEDGER).with_suffix(".sha256"), f"{digest}  {LEDGER}\n".encode())
    write_file(generation / LEDGER, payload)
    return digest


def read_ledger(generation: Path) -> dict[str, Any]:
    """Raises UserError where a byte has changed since it was written."""
    path = generation / LEDGER
    try:
        payload, expected = read_text(path).encode(), read_text(path.with_suffix(".sha256")).encode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot read {path}: {reason}. Without it nothing can be said about this run; train again."
        ) from error
    if expected != f"{hashlib.sha256(payload).hexdigest()}  {LEDGER}\n".encode():
        raise UserError(f"{path} was changed: its bytes do not agree with {path.stem}.sha256. Train again.")
    try:
        ledger = json.loads(payload)
        missing = sorted(KEYS - ledger.keys())
    except (ValueError, AttributeError):
        raise UserError(f"{path} is not a ledger. Train again.") from None
    if missing:
        raise UserError(f"{path} was written by another version of this program, without {missing[0]}. Train again.")
    return ledger
