"""All that there is to say of one run, gathered; what cannot be had is said in a sentence instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import places
from data_prep.settings import plain
from recsys_cli.data.dataset import Dataset
from recsys_cli.reports.scored import Scored, score_again
from recsys_cli.runs.dataset import dataset_of, manifest_of
from recsys_cli.runs.directory import state_folder
from recsys_cli.runs.finished import Finished, finished
from recsys_cli.runs.kept import read_per_user
from recsys_cli.statistics.spread import Groups, groups_by_count


@dataclass
class RunFacts:
    """per_user: metric -> float64 [m] of `users`, internal ids int32 [m]. groups: of these users, by training pairs.

    missing: what could not be had, in sentences.
    """

    run: Finished
    per_user: dict[str, np.ndarray] = field(default_factory=dict)
    users: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    dataset: Dataset | None = None
    manifest: dict[str, Any] | None = None
    scored: Scored | None = None
    missing: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        return plain(self.run.config)

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """mean, low and high by name."""
        return self.run.result["metrics"]

    @property
    def parameters(self) -> int | None:
        return self.run.record.get("parameters") or (self.scored.parameters if self.scored else None)

    def user_groups(self) -> Groups | None:
        if self.dataset is None or not len(self.users):
            return None
        return groups_by_count(self.dataset.target_train.row_lengths[self.users])

    def item_groups(self) -> Groups | None:
        return groups_by_count(self.dataset.target_train.col_counts) if self.dataset else None


def gather(path: Path, result: str = "test", take_up: Callable[[str], Any] | None = None) -> RunFacts:
    """take_up: gives dataset, model and config of a run, to score it again for what its lists are like; None: not.

    Raises UserError for a run that is not finished, or has no such result.
    """
    run = finished(path, result)
    facts = RunFacts(run)
    kept = read_per_user(path, result)
    content_hash = run.record.get("data_hash")
    if take_up:
        try:
            facts.scored = score_again(take_up(str(path)), run.result.get("split", "test"), _longest(facts.metrics))
            facts.dataset = facts.scored.dataset
        except UserError as error:
            facts.missing.append(f"The lists of items are not looked at: {error}")
    if facts.dataset is None:
        try:
            if state_folder(path) is not None:
                raise UserError(
                    "the run keeps its own, from which rows may have been forgotten; lists=true takes them up."
                )
            facts.dataset = dataset_of(run.config, content_hash)
        except UserError as error:
            facts.missing.append(f"The data are not at hand, so there is nothing by groups of users and items: {error}")
    facts.manifest = manifest_of(run.config, content_hash)
    if kept is None:
        facts.missing.append("Values per user were not kept (evaluation.per_user=false).")
    else:
        _set_users(facts, *kept)
    return facts


def distinct(per_user: dict[str, np.ndarray]) -> list[str]:
    """Without metrics that are the same as another for every user."""
    kept: list[str] = []
    for name, values in per_user.items():
        if not any(np.array_equal(values, per_user[other]) for other in kept):
            kept.append(name)
    return kept


def _set_users(facts: RunFacts, raw: np.ndarray, values: dict[str, np.ndarray]) -> None:
    facts.per_user = values
    if facts.dataset is None:
        return
    found = places(raw, facts.dataset.user_ids)
    if (found < 0).any():
        facts.missing.append("The values per user name users that the data do not have: nothing is shown by groups.")
    else:
        facts.users = found.astype(np.int32)


def _longest(metrics: dict[str, Any]) -> int:
    """The highest cut-off, 100 at most."""
    cutoffs = [int(k) for name in metrics if (k := name.partition("@")[2]).isdigit()]
    return min(100, max(cutoffs, default=10))
