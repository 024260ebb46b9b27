"""What models of several behaviours share: a weighted task per behaviour, and the links between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from data_prep.errors import UserError, nearest
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import Task


def behaviour_tasks(dataset: Dataset, weights: Mapping[str, float] | None) -> tuple[Task, ...]:
    """A task per behaviour, in causal order, of weight mu_k = `weights[name]`, or 1/K where that is null.

    Raises UserError for weights that do not match the behaviours or make no sense, and for a behaviour
    without pairs.
    """
    for name, pairs in dataset.train.items():
        if not pairs.nnz:
            rest = ",".join(b for b in dataset.behaviours if b != name)
            raise UserError(
                f"data={dataset.name} has no training interactions of behaviour {name!r}: "
                + (
                    "it is the target, so there is nothing to learn."
                    if name == dataset.target
                    else f"leave it out with data.behaviours=[{rest}]."
                )
            )
    if weights is None:
        weights = dict.fromkeys(dataset.behaviours, 1.0 / len(dataset.train))
    if set(weights) != set(dataset.behaviours):
        unknown = [name for name in weights if name not in dataset.train]
        raise UserError(
            f"model.task_weights names {', '.join(weights) or 'nothing'}, but the behaviours of "
            f"data={dataset.name} are {', '.join(dataset.behaviours)}: give each a weight, or null for equal ones."
            + (nearest(unknown[0], dataset.behaviours) if unknown else "")
        )
    if not all(math.isfinite(w) and w >= 0 for w in weights.values()) or not any(weights.values()):
        raise UserError(f"model.task_weights={dict(weights)}: give numbers >= 0, and one of them > 0.")
    return tuple(Task(name, pairs, float(weights[name])) for name, pairs in dataset.train.items())


def causal_links(
    setting: Mapping[str, Sequence[str]] | Literal["none"] | None, behaviours: Sequence[str]
) -> dict[str, list[str]]:
    """The behaviours that feed each behaviour, ordered so that a behaviour comes after those that feed it.

    setting: null (every earlier behaviour feeds every later one), "none" or {} (no links), or a mapping such
    as {cart: [view], buy: [cart]}. Raises UserError for names that do not exist and for a cycle.
    """
    if setting is None:
        return {name: list(behaviours[:k]) for k, name in enumerate(behaviours)}
    links: dict[str, list[str]] = {name: [] for name in behaviours}
    if setting != "none":
        links |= {name: list(dict.fromkeys(sources)) for name, sources in setting.items()}
    for name in [*links, *(s for sources in links.values() for s in sources)]:
        if name not in behaviours:
            raise UserError(
                f"model.causal names {name!r}, which is not among the behaviours "
                f"{', '.join(behaviours)}.{nearest(name, behaviours)}"
            )
    try:
        return {name: links[name] for name in TopologicalSorter(links).static_order()}
    except CycleError as error:
        raise UserError(
            f"model.causal goes in a circle: {' -> '.join(error.args[1])}. Remove one of these links."
        ) from None
