"""The social aspect of the synthetic data: friends who choose alike, for reasons that items do not show.

Users meet in circles. A circle has favourite items of its own, whatever their genre, and its members are friends, so
that who somebody's friends are tells more of the next choice than a few earlier choices do.
"""

from __future__ import annotations

import numpy as np

from data_prep.events import Events, distinct, stream

MEMBERS = 20  # of a circle, about
FAVOURITES = 20  # items of a circle
ACQUAINTED = 0.7  # of the pairs of a circle


def in_circles(buys: Events, n_users: int, n_items: int, share: float, seed: int) -> tuple[Events, Events]:
    """The buys, of which about `share` are now of the favourites of the user's circle, and the friends, mutual."""
    rng = stream(seed, "circles")
    n_circles = -(-n_users // MEMBERS)
    circle = rng.permutation(n_users) % n_circles
    favourites = rng.random((n_circles, n_items)).argpartition(FAVOURITES, axis=1)[:, :FAVOURITES]
    moved = rng.random(len(buys)) < share
    chosen = favourites[circle[buys.users], rng.integers(FAVOURITES, size=len(buys))]
    items = np.where(moved, chosen, buys.items).astype(np.int32)
    return distinct(Events(buys.users, items), n_items), _friends(circle, rng)


def _friends(circle: np.ndarray, rng: np.random.Generator) -> Events:
    together = np.argsort(circle, kind="stable")
    first = np.flatnonzero(np.diff(circle[together], prepend=-1))
    pairs = [np.stack(np.triu_indices(n, 1)) + start for start, n in zip(first, np.diff([*first, len(circle)]))]
    one, other = together[np.concatenate(pairs, axis=1)]
    met = rng.random(len(one)) < ACQUAINTED
    one, other = one[met].astype(np.int32), other[met].astype(np.int32)
    return Events(np.concatenate([one, other]), np.concatenate([other, one]))
