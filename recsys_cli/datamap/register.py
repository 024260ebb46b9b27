"""The register of requests: received, due, carried out. Ledgers and pending requests are all it is made from."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from data_prep.errors import UserError
from recsys_cli.text import format_table
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.ledger import read_ledger
from recsys_cli.unlearning.requests import files_of, read_request

DONE, LATE, PENDING, OVERDUE, DAMAGED = "done", "done late", "pending", "OVERDUE", "DAMAGED"
STAMP = "%Y-%m-%dT%H:%M:%S%z"


class Entry(NamedTuple):
    """What: users, items or pairs, and how many rows. received, due, carried_out: times, "" where there is none yet.
    unmatched: rows that matched nothing when it came in. commitment: what the receipt opens, and nothing else."""

    run: str
    id: str
    what: str
    rows: int
    received: str
    due: str
    carried_out: str
    outcome: str
    training_pairs: int
    held_out_pairs: int
    unmatched: int
    state: str
    commitment: str


def register(runs: Sequence[Path], due_days: int, now: datetime) -> list[Entry]:
    """In the order in which they came in. runs: that can forget."""
    found = []
    for run in runs:
        generations = Generations(run)
        done = read_ledger(generations.current)["requests"] if generations.exists else []
        found += [_entry(run, entry, due_days, now) for entry in done]
        known = {entry["id"] for entry in done}
        for file in files_of(run):
            try:
                request = read_request(file)
            except UserError:
                found.append(Entry(str(run), file.stem, "", 0, "", "", "", DAMAGED, 0, 0, 0, "", ""))
                continue
            if request.id not in known:
                found.append(_entry(run, request.entry(), due_days, now))
    return sorted(found, key=lambda entry: (entry.received, entry.run, entry.id))


def as_text(entries: Sequence[Entry]) -> str:
    rows = [
        [
            e.id,
            e.outcome,
            e.received[:16],
            e.due[:10],
            e.carried_out[:16],
            f"{e.rows} {e.what}",
            f"{e.training_pairs:,}",
        ]
        + [Path(e.run).name]
        for e in entries
    ]
    return format_table(["request", "outcome", "received", "due", "carried out", "asked for", "pairs", "run"], rows)


def as_csv(entries: Sequence[Entry]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Entry._fields)
    writer.writerows(entries)
    return stream.getvalue().encode()


def _entry(run: Path, said: dict[str, Any], due_days: int, now: datetime) -> Entry:
    """said: an entry of a ledger, or of a pending request."""
    received = datetime.strptime(said["asked"], STAMP)
    due = received + timedelta(days=due_days)
    done = datetime.strptime(said["carried_out"], STAMP) if "carried_out" in said else None
    outcome = (DONE if done <= due else LATE) if done else (PENDING if now <= due else OVERDUE)
    return Entry(
        str(run),
        said["id"],
        said["kind"],
        said["rows"],
        said["asked"],
        due.strftime(STAMP),
        said.get("carried_out", ""),
        outcome,
        said["training_pairs"],
        said["held_out_pairs"],
        said["unmatched"],
        str(said.get("generation", "")),
        said["commitment"],
    )
