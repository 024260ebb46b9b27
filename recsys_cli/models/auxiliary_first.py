"""Auxiliary first: what the user has touched without buying it, then the rest.

    score_uv = 8 t_uv + s_uv / 2^floor(log2 max_w |s_uw|)

t_uv, by `order`:
    most     in how many auxiliary behaviours u has v: viewed and carted first, then viewed or carted
    nearest  sum of 2^k over the auxiliary behaviours k = 0, 1, ... (in causal order) in which u has v: carted first,
             those that were viewed as well before the others, then viewed
s_uv: the score of the training popularity,
or of another model (`then`). The second part lies within (-2, 2), so it orders the items of a tier and no others;
division by a power of two is exact, so below the first tier the order is that of the other model.

Deviations:
1. A row of our own, for the tables of several behaviours: nothing is learnt here, so that what a model of several
   behaviours adds to such a list is seen.
2. Of items in one behaviour none comes first for being the latest: a data set keeps no times.
3. Within tier t, scores count to t 2^-20 of the user's largest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import field
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import Model, ModelSettings, Need, SolvedModel
from recsys_cli.models.popularity import Popularity
from recsys_cli.ops.sparse import Rows

TIER = 8.0
LARGEST_POWER = 0x7F800000  # the exponent bits of a float32: of x, the largest power of two that is <= x


class AuxiliaryFirst(SolvedModel):
    """State: that of the model that orders what the behaviours do not."""

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        order: str = field(
            "most",
            "what comes first: items of most behaviours, or of the one nearest to the target",
            choices=("most", "nearest"),
        )
        then: str | None = field(None, "a run directory, whose model orders the rest; null: by popularity")

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.tiers = tiers(dataset, config.order)
        self.then: Model = Popularity(Popularity.Settings(name="then"), dataset, seed)

    @classmethod
    def memory(cls, config, dataset):
        pairs = sum(pairs.nnz for pairs in dataset.train.values())
        return Need(dataset.n_items, scoring=3 * pairs, pairs=pairs)

    def order_by(self, model: Model) -> None:
        """Takes a trained model in place of popularity; its variables belong to the state from here on."""
        self.then = model

    def run_step(self, step):
        return self.then.run_step(step) if self.config.then is None else 0.0

    def scorer(self):
        others, above = self.then.scorer(), Rows(self.tiers)

        def score(users: tf.Tensor) -> tf.Tensor:
            scores = others(users)
            largest = tf.maximum(
                tf.reduce_max(scores, axis=1, keepdims=True), -tf.reduce_min(scores, axis=1, keepdims=True)
            )
            power = tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(largest, tf.int32), LARGEST_POWER), tf.float32)
            owners, items, values = above(users)
            cells = tf.stack([owners, tf.cast(items, tf.int64)], axis=1)
            return tf.tensor_scatter_nd_add(scores / tf.where(power > 0, power, 1.0), cells, values)

        return score


def tiers(dataset: Dataset, order: str) -> CSR:
    """users x items, with 8 t_uv as values; bought items are in no tier.

    Raises UserError where there is but the target.
    """
    auxiliary = [pairs for name, pairs in dataset.train.items() if name != dataset.target]
    if not auxiliary:
        raise UserError(
            f"model=auxiliary_first: data={dataset.name} has no behaviour besides the target {dataset.target!r}. Add some "
            "with data.behaviours, or take model=popularity."
        )
    keys, place = np.unique(np.concatenate([pairs.keys for pairs in auxiliary]), return_inverse=True)
    worth = TIER * (2.0 ** np.arange(len(auxiliary)) if order == "nearest" else np.ones(len(auxiliary)))
    shares = np.repeat(worth, [pairs.nnz for pairs in auxiliary])
    tier = np.bincount(place, shares, len(keys)).astype(np.float32)
    rows, cols = np.divmod(keys, dataset.n_items)
    kept = ~dataset.target_train.contains(rows, cols)
    indptr = np.append(0, np.cumsum(np.bincount(rows[kept], minlength=dataset.n_users)))
    return CSR(indptr, cols[kept].astype(np.int32), dataset.n_items, tier[kept])
