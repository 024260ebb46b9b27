"""Errors about a user or an item: raised with internal ids where no data set is at hand, shown with raw ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset


class IdError(UserError):
    """text: with {user}, and {item} where it names one, which become "user 7 (internal id)"."""

    def __init__(self, text: str, user: Any, item: Any = None, kind: str = " (internal id)"):
        self.text, self.user, self.item = text, user, item
        super().__init__(text.format(user=f"user {user}{kind}", item=f"item {item}{kind}"))


@contextmanager
def raw_ids(dataset: Dataset) -> Iterator[None]:
    """An IdError from within names the user and the item as the raw data do."""
    try:
        yield
    except IdError as error:
        if not len(dataset.user_ids) or not len(dataset.item_ids):
            raise
        item = None if error.item is None else dataset.item_ids[error.item]
        raise type(error)(error.text, dataset.user_ids[error.user], item, "") from None
