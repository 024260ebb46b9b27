"""The users shared out among workers: which of them a worker has, and the data set with those alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recsys_cli.data.dataset import CSR, Dataset


@dataclass(frozen=True)
class Share:
    """User u of n_users is row u // of of worker u % of, so that any number of workers knows where a user is.

    Users whose ids are close, and who may have much in common, go to different workers. number: of this worker, from 0.
    """

    number: int
    of: int
    n_users: int

    @property
    def rows(self) -> slice:
        """Of a table of all users, those of this worker."""
        return slice(self.number, self.n_users, self.of)

    @property
    def first(self) -> bool:
        """Whether this worker counts what belongs to no user."""
        return self.number == 0

    def size(self, number: int) -> int:
        """The users that a worker has."""
        return len(range(number, self.n_users, self.of))

    def among(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(places, rows), int32 [m] each: where in `ids` the users of this worker stand, and their rows here."""
        places = np.flatnonzero(ids % self.of == self.number).astype(np.int32)
        return places, (ids[places] // self.of).astype(np.int32)


def part_of(dataset: Dataset, share: Share) -> Dataset:
    """What a worker trains on: the pairs of its users, with all items, and nothing that is held out."""
    return replace(
        dataset,
        n_users=share.size(share.number),
        train={behaviour: rows_of(matrix, share.rows) for behaviour, matrix in dataset.train.items()},
        valid=None,
        test=None,
        test_negatives=None,
        friends=None,
        user_features=None,
        user_ids=dataset.user_ids[share.rows],
        share=share,
    )


def rows_of(matrix: CSR, rows: slice) -> CSR:
    """These rows, numbered anew, with all columns."""
    lengths = matrix.row_lengths[rows]
    indptr = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    places = np.arange(indptr[-1]) + np.repeat(matrix.indptr[:-1][rows] - indptr[:-1], lengths)
    values = None if matrix.values is None else matrix.values[places]
    return replace(matrix, indptr=indptr, indices=matrix.indices[places], values=values)
