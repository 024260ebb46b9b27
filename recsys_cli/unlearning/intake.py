"""A file to forget becomes a request, or is refused with nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.unlearning.requests import Content, Request, new_request, unknown_rows


class Intake(NamedTuple):
    """receipt: None where the same request is pending already."""

    request: Request
    receipt: str | None


def take_in(
    path: str, content: Content, dataset: Dataset, pending: Sequence[Request], *, ignore_missing: bool
) -> Intake | None:
    """content: of the file at `path`. None where no row is in the data and that is to be ignored.

    Whether a row that is not in the data was forgotten or never there cannot be told:
    that is the point of forgetting.
    """
    kind, rows = content
    unknown = unknown_rows(kind, rows, dataset)
    if unknown.any() and not ignore_missing:
        examples = "; ".join(",".join(row) for row, missing in zip(rows, unknown) if missing)[:60]
        raise UserError(
            f"forget={path}: {unknown.sum():,} of {len(rows):,} {kind} are not in "
            f"the data of the run, such as {examples} (never there, or forgotten "
            "already). Nothing changed; missing=ignore goes on without them."
        )
    known = [row for row, missing in zip(rows, unknown) if not missing]
    if not known:
        return None
    for request in pending:
        if (request.kind, request.rows) == (kind, known):
            return Intake(request, None)
    return Intake(*new_request(kind, known, rows))
