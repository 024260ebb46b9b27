"""Models whose score is no product of two vectors: what each side brings is made once, a network joins the pairs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import tensorflow as tf

from recsys_cli.models.base import Scorer, TrainableModel
from recsys_cli.ops.compiled import compiled

ITEMS_AT_A_TIME = 16384  # of one user, when all items are scored


class PairwiseModel(TrainableModel):
    """A model gives `user_part`, `item_part` and `pair`; scores of pairs and of all items follow.

    Parts are nests (lists, dicts) of tensors that have the ids as their leading axes.
    """

    items_at_a_time = ITEMS_AT_A_TIME

    def user_part(self, task: int, encoded: Any, ids: tf.Tensor, noise: tf.Tensor | None = None) -> Any:
        """What users bring to a score, [b, ...] each: all that can be computed without knowing the item."""
        raise NotImplementedError

    def item_part(self, task: int, encoded: Any, ids: tf.Tensor | None = None, noise: tf.Tensor | None = None) -> Any:
        """What items bring, [..., ...] each; ids None: all items."""
        raise NotImplementedError

    def pair(self, task: int, encoded: Any, user: Any, item: Any, noise: tf.Tensor | None = None) -> tf.Tensor:
        """Scores from two parts whose leading axes broadcast: [b, 1, ...] and [b, m, ...] -> [b, m]."""
        raise NotImplementedError

    def score(self, task, encoded, users, items, noise=None):
        user = tf.nest.map_structure(lambda x: x[:, None], self.user_part(task, encoded, users, noise))
        return self.pair(task, encoded, user, self.item_part(task, encoded, items, noise), noise)

    def scorer(self) -> Scorer:
        return self._scorer

    @cached_property
    def _scorer(self) -> Scorer:
        """One user against a block of items at a time: memory follows the block, and the numbers of a user do not
        depend on the other users."""
        task, n = self.target, self.n_items
        bounds = [(first, min(first + self.items_at_a_time, n)) for first in range(0, n, self.items_at_a_time)]

        def score(users: tf.Tensor) -> tf.Tensor:
            encoded = self.encode()
            items = self.item_part(task, encoded)
            blocks = [tf.nest.map_structure(lambda x, a=a, b=b: x[a:b], items) for a, b in bounds]

            def of_user(user: tf.Tensor) -> tf.Tensor:
                part = self.user_part(task, encoded, user[None])
                return tf.concat([self.pair(task, encoded, part, block) for block in blocks], axis=0)

            return tf.map_fn(of_user, users, fn_output_signature=tf.TensorSpec([n], tf.float32), parallel_iterations=1)

        scorer = compiled(score, tf.TensorSpec([None], tf.int32))
        scorer.user_by_user = True  # type: ignore[attr-defined]  # see evaluation/forecast.py
        return scorer
