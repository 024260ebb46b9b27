"""Friends, for the models that need them."""

from __future__ import annotations

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset


def friends_of(dataset: Dataset, model: str) -> CSR:
    """Users x their friends. Raises UserError for a data set that knows none. model: its name, for the message."""
    if dataset.friends is None:
        raise UserError(
            f"model={model} learns from friends, and data={dataset.name} has none: take a data set with them "
            "(synthetic, ciao), or give your own: data=csv data.friends_path=friends.csv, a table of user,friend."
        )
    return dataset.friends
