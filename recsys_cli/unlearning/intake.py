"""A file to forget becomes a request, or is refused with nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR
from recsys_cli.unlearning.generation import Rows
from recsys_cli.unlearning.matching import Match, select
from recsys_cli.unlearning.requests import Request, new_request


class Intake(NamedTuple):
    """receipt: None where the same request is pending already."""

    request: Request
    receipt: str | None


def take_in(path: str, match: Match, rows: Rows, pending: Sequence[Request], *, ignore_missing: bool) -> Intake | None:
    """match: of the rows in the file at `path`. None where none is in the data and that is to be ignored.

    Whether a row that is not in the data was forgotten or never there cannot be told:
    that is the point of forgetting.
    """
    if match.unmatched and not ignore_missing:
        raise UserError(
            f"forget={path}: {match.sentence()} (never there, or forgotten already; ids are compared exactly). "
            "Nothing changed; missing=ignore goes on without them."
        )
    if not match.matched:
        return None
    for request in pending:
        if (request.kind, request.rows) == (match.kind, match.matched):
            return Intake(request, None)
    return Intake(*new_request(match, *found_pairs(rows, match.kind, match.matched)))


def found_pairs(rows: Rows, kind: str, wanted: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    """How many training pairs and held-out pairs the rows name."""
    selection = select([(kind, list(wanted))], rows.dataset)

    def count(matrix: CSR | None) -> int:
        return 0 if matrix is None else int(selection.of(matrix).sum())

    return count(rows.pairs), count(rows.dataset.valid) + count(rows.dataset.test)
