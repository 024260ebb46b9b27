"""What several workers train exactly, and the refusal of the rest."""

from __future__ import annotations

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.training.model_class import model_class


def refuse_inexact(config) -> None:
    """Raises UserError where the sum of what workers compute of their users is not what one computes of all.

    config: the root node.
    """
    asked = f"device.workers={config.device.workers}"
    if not getattr(model_class(config.model._target_), "user_tables", ()):
        raise UserError(
            f"{asked}: in model={config.model.name} what is learnt of a user depends on other users, or it does not say that "
            "it does not (`user_tables`): take enmf, wmf, gmf, bpr, ehcf or a preset of these, or device.workers=1."
        )
    if config.loss.scope != "whole_data":
        raise UserError(
            f"{asked}: loss={config.loss.name} is no sum over the users, so that workers with some of them each would learn "
            "something else than one with all: take loss=non_sampling or another over all pairs, or device.workers=1."
        )


def refuse_few_users(workers: int, dataset: Dataset) -> None:
    """Raises UserError where a worker would have no user."""
    if workers > dataset.n_users:
        raise UserError(
            f"device.workers={workers}: data={dataset.name} has {dataset.n_users} users; give at most as many."
        )
