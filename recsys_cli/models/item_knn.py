"""ItemKNN: an item's score is the sum of its similarities to those of its nearest neighbours that the user
chose (Sarwar et al. 2001; Deshpande & Karypis 2004).

    s_vj = n_vj / (sqrt(n_v n_j) + shrinkage)        score_uv = sum of s_vj over j in N_k(v) that u chose

n_v: users of item v, n_vj: users of both, N_k(v): the k items most similar to v (ties: the smaller id). With
`weighting` users do not count alike, and with `similarity=dot` there is no denominator (neighbours.py).

Deviations:
1. The neighbours are those of the item to be scored, as in Sarwar et al.; with `neighbours_of=chosen` the neighbours of
   the user's items get the votes, as in Deshpande & Karypis and `implicit`, which `similarity=dot` needs: its neighbours
   are the popular items, so that those of the items to be scored tell little apart.
2. A plain sum: divided by the sum of similarities, items with a single chosen neighbour would come first.
3. The thesis gives neither similarity nor k; cosine with shrinkage (Bell & Koren 2007) is the common choice.
"""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.settings import field
from recsys_cli.models.item_to_item import ItemToItemModel
from recsys_cli.models.neighbours import NeighbourModel, SimilaritySettings, similarity


class ItemKNN(ItemToItemModel, NeighbourModel):
    """The neighbours are items."""

    @dataclass(frozen=True)
    class Settings(SimilaritySettings):
        neighbours_of: str = field(
            "scored",
            "which similarities count: the k largest of the item to be scored, or of each that was chosen",
            choices=("scored", "chosen"),
        )

    def measure(self, pairs):
        return similarity(self.config, pairs)

    def item_weights(self):
        return self.similar() if self.config.neighbours_of == "chosen" else self.similar().T
