"""The model of a run, asked by raw ids: what stands behind `TrainedRun`, and in part behind the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.config.named import name_code
from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation.blocks import MIN_ROWS
from recsys_cli.evaluation.metrics import Pooled
from recsys_cli.evaluation.protocol import EvaluationSettings
from recsys_cli.use.content import Vectors, vectors_of
from recsys_cli.use.lists import best_items
from recsys_cli.use.new_users import NewUsers, scorer_for
from recsys_cli.use.people import known, users_of
from recsys_cli.use.scoring import SPLITS, refuse_closed, score_again
from recsys_cli.use.trained import open_trained


class TakenUp:
    """config: the root node of the run. The run itself is not kept, and so not locked."""

    def __init__(self, path: str):
        _, self.config, self.dataset, self.model, _ = open_trained(path)
        self.scorer = self.model.scorer()

    def evaluate(self, split: str, given: Mapping[str, Any]) -> tuple:
        """The summary's content, raw user ids [m], metrics [m] of each by name, and the warning."""
        if split not in SPLITS:
            raise UserError(f"split={split}: there are {' and '.join(SPLITS)}.")
        EvaluationSettings.from_config(given, "evaluation")
        refuse_closed(given)
        name_code(given.get("metrics", []))
        result, summary = score_again(self.config, self.dataset, self.model, split, split, given)
        per_user = {name: Pooled.of(values).values for name, values in result.per_user.items()}
        return summary.content, self.dataset.user_ids[result.users], per_user, result.warning

    def users(self, wanted: str | Sequence[int | str]) -> np.ndarray:
        """Internal ids, int32 [m], of `all`, a list of raw ids, or the file of this name with one a line."""
        return users_of(wanted, self.dataset.user_ids)

    def recommend(
        self,
        users: np.ndarray,
        k: int,
        exclude: Sequence[int | str] | Mapping[int | str, Sequence[int | str]] = (),
        exclude_seen: bool = True,
    ) -> dict[str, np.ndarray]:
        """As `lists.best_items`. users: internal ids. exclude: raw ids of items for all of them, or items by user."""
        dataset = self.dataset
        left_out = [dataset.target_train] if exclude_seen else []
        if len(exclude):
            left_out.append(self._excluded(exclude, users))
        return best_items(self.scorer, dataset, users, k, left_out, self.config.evaluation.memory_mb)

    def recommend_new(
        self, new: NewUsers, k: int, exclude: Sequence[int | str] = (), exclude_seen: bool = True
    ) -> dict[str, np.ndarray]:
        """As `recommend`, for people whom the run does not know. exclude: raw ids of items for all of them."""
        scorer = scorer_for(new, self.scorer, self.model, self.config)
        dataset, rows = replace(self.dataset, user_ids=new.names), np.arange(len(new.names), dtype=np.int32)
        left_out = [new.items] if exclude_seen else []
        if len(exclude):
            items = known("items", list(exclude), dataset.item_ids)
            pairs = np.repeat(rows, len(items)), np.tile(items, len(rows))
            left_out.append(CSR.from_pairs(*pairs, len(rows), dataset.n_items))
        return best_items(scorer, dataset, rows, k, left_out, self.config.evaluation.memory_mb)

    def _excluded(self, exclude, users: np.ndarray) -> CSR:
        """Users x items: the items of a list for each of these users, or those of a mapping for its own."""
        dataset = self.dataset
        if not isinstance(exclude, Mapping):
            items = known("items", list(exclude), dataset.item_ids)
            pairs = np.repeat(users, len(items)), np.tile(items, len(users))
        else:
            owners = known("users", list(exclude), dataset.user_ids)
            lists = [list(items) for items in exclude.values()]
            items = known("items", [item for items in lists for item in items], dataset.item_ids)
            pairs = np.repeat(owners, [len(items) for items in lists]), items
        return CSR.from_pairs(*pairs, dataset.n_users, dataset.n_items)

    def scores(self, user: int | str) -> tuple[np.ndarray, np.ndarray]:
        """Raw item ids and scores, [n_items] each: the same bits as in lists, which are made in blocks of MIN_ROWS or
        more (evaluation/blocks.py)."""
        row = self.users([user])
        return np.asarray(self.dataset.item_ids), self.scorer(tf.repeat(row, MIN_ROWS)).numpy()[0]

    def vectors(self) -> Vectors:
        return vectors_of(self.scorer, self.model, self.dataset)
