"""RP3beta: random walks of three steps, user - item - user - item, with less for popular items (Paudel et al. 2017).

    s_ij = sum over the users u of both of (1 / n_i)^alpha (1 / l_u)^alpha / n_j^beta
    score_uv = sum of s_iv over the items i of u that have v among their k largest

n_i: users of item i, l_u: items of user u. Here the k items are kept that a walk from i reaches with most weight, and
with `normalised` their weights are divided by their sum, as in the published comparisons (Ferrari Dacrema et al. 2021;
Anelli et al. 2022).

Deviations:
1. The first step, from a user to one of the items, is left out: it is 1 / l_u for all of them, and the order within a
   user the same (as in those comparisons).
2. They also keep only the k largest of each column after that; here all that reach an item count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.settings import field
from recsys_cli.models.item_to_item import ItemToItemModel
from recsys_cli.models.measure import Measure
from recsys_cli.models.neighbours import NeighbourModel, NeighbourSettings


class RP3Beta(ItemToItemModel, NeighbourModel):
    """The neighbours are the items that walks from an item reach."""

    @dataclass(frozen=True)
    class Settings(NeighbourSettings):
        alpha: float = field(0.6, "exponent of the chance of each step", low=0)
        beta: float = field(0.3, "exponent of the popularity that the target is divided by", low=0)
        normalised: bool = field(True, "the weights from an item add up to 1")

    def measure(self, pairs):
        users, items = np.maximum(pairs.row_lengths, 1.0), np.maximum(pairs.col_counts, 1.0)
        weights = (users**-self.config.alpha).astype(np.float32)
        factors = items**-self.config.alpha, items**-self.config.beta
        return Measure(weights, factors, normalised=self.config.normalised)

    def item_weights(self):
        return self.similar()
