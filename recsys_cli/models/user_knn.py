"""UserKNN: an item's score is the sum of the similarities of those of the user's nearest neighbours who chose it
(Resnick et al. 1994, for what was chosen and what was not).

    score_uv = sum of s_uw over the users w in N_k(u) who chose v

N_k(u): the k users most similar to u (ties: the smaller id), by the items that both chose; s as in item_knn.py, with
users and items in each other's place.

Deviations:
1. A plain sum, not divided by the similarities of all neighbours: that would be the same for all items of a user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from recsys_cli.models.neighbours import NeighbourModel, SimilaritySettings, similarity
from recsys_cli.ops.sparse import Product


class UserKNN(NeighbourModel):
    """The neighbours are users."""

    compares_rows = True

    @dataclass(frozen=True)
    class Settings(SimilaritySettings): ...

    def measure(self, pairs):
        return similarity(self.config, pairs)

    def scorer(self):
        chosen = replace(self.tasks[self.target].pairs, values=None)  # ratings count for nothing
        return Product(self.similar(), chosen, self.config.memory_mb)
