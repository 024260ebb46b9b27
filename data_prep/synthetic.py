"""The default data set: generated from a seed, with the structure that real ones have.

Items have a genre, a brand within it, and a skewed popularity. Users mostly choose from their favourite
brand and genre, else by popularity. Most buys are in carts and most carts in views; friends mostly share
a favourite genre; item fields, user fields, triples and ratings follow taste.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.circles import in_circles
from data_prep.errors import UserError, nearest
from data_prep.events import Events, Raw, distinct, stream, unique
from data_prep.features import Features
from data_prep.synthetic_contexts import at_moments

WIDENING = {"cart": ("buy", 0.7), "view": ("cart", 0.9)}  # from which behaviour, and how much of it
FUNNEL = ("view", "cart", "buy")
BRANDS = 4  # per genre
PIECE = 1 << 22  # pairs drawn at a time
# Shares of choices from (favourite brand, favourite genre, second genre); the rest from everything.
BUY_TASTE = (0.5, 0.2, 0.15)
VIEW_TASTE = (0.25, 0.2, 0.2)


def generate(options: dict[str, Any]) -> Raw:
    """A data set of about `interactions` buys; `cart` has nearly twice, `view` three times as many.

    Raises UserError for sizes too small, or too dense to be drawn.
    """
    users, items, buys = options["users"], options["items"], options["interactions"]
    if users < 10 or items < 40 or not 2 * users <= buys <= users * items // 8:
        raise UserError(
            f"data.users={users}, data.items={items}, data.interactions={buys}: at least 10 users, 40 items, "
            "2 interactions a user and at most an eighth of all pairs are needed."
        )
    for behaviour in options["behaviours"]:
        if behaviour not in FUNNEL:
            raise UserError(f"data.behaviours: {behaviour!r} is not generated.{nearest(behaviour, FUNNEL)}")
    world = _World(users, items, options["seed"])
    chosen, friends = world.choose(buys, BUY_TASTE, "buy"), world.friends()
    if options["social"]:
        chosen, friends = in_circles(chosen, users, items, options["social"], options["seed"])
    made = {"buy": world.rated(chosen)}
    for wide, (narrow, kept) in WIDENING.items():
        if {wide, "view"} & set(options["behaviours"]):
            made[wide] = world.widen(made[narrow], kept, wide)
    raw = Raw(
        options["target"],
        {behaviour: made[behaviour] for behaviour in options["behaviours"]},
        np.arange(users),
        np.arange(items),
        friends=friends,
        triples=world.triples(),
        user_features=Features.of_codes(world.user_fields()),
        item_features=world.item_features(),
    )
    return at_moments(raw, world.genre, world.user_fields(), options["seed"]) if options["contexts"] else raw


def _pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """One after the other: what is computed from one is a few times as large."""
    return (values[first : first + PIECE] for first in range(0, len(values), PIECE))


class _World:
    """Who likes what. Items stand in a line by genre and, within it, by brand: a taste is a stretch of it."""

    def __init__(self, users: int, items: int, seed: int) -> None:
        rng = stream(seed, "world")
        self.users, self.items, self.seed = users, items, seed
        self.genres = max(8, round(items**0.5 / 2))
        self.brands = self.genres * BRANDS
        place = rng.permutation(items)
        self.item_at = np.argsort(place).astype(np.int32)
        self.brand = place * self.brands // items
        self.genre = self.brand // BRANDS
        self.popularity = (1.0 + rng.permutation(items)) ** -0.6
        self.quality = rng.normal(0, 0.6, items)
        self.edges = np.concatenate([[0.0], np.cumsum(self.popularity[self.item_at])])
        self.activity = rng.lognormal(0, 0.6, users)
        self.favourite = rng.integers(self.brands, size=users)
        self.likes = self.favourite // BRANDS
        second = rng.integers(self.genres, size=users)
        # Stretches of (favourite brand, favourite genre, second genre, everything): [users, 4]
        first = np.searchsorted(self.brand[self.item_at], np.arange(self.brands + 1))
        bound = self.edges[first]
        by_genre = bound[::BRANDS]
        zero = np.zeros(users)
        self.low = np.stack([bound[self.favourite], by_genre[self.likes], by_genre[second], zero], axis=1)
        total = zero + self.edges[-1]
        high = [bound[self.favourite + 1], by_genre[self.likes + 1], by_genre[second + 1], total]
        self.high = np.stack(high, axis=1)

    def choose(self, n: int, taste: tuple[float, ...], purpose: str) -> Events:
        """About n distinct pairs in random order, more for active users, two or more for everyone."""
        rng = stream(self.seed, purpose)
        share = self.activity / self.activity.sum()
        wanted = np.clip(np.round(n * share), 2, self.items // 3).astype(np.int64)
        keys = np.empty(0, np.int64)
        for _ in range(8):
            have = np.bincount(keys // self.items, minlength=self.users)
            users = np.repeat(np.arange(self.users), wanted - have)
            if not len(users):
                break
            keys = unique(
                np.concatenate([keys, *(of * self.items + self._draw(of, taste, rng) for of in _pieces(users))])
            )
        keys = rng.permutation(keys)
        return Events((keys // self.items).astype(np.int32), (keys % self.items).astype(np.int32))

    def widen(self, events: Events, kept: float, purpose: str) -> Events:
        """The behaviour before: most of the given pairs, and more of others, chosen with less care."""
        stays = stream(self.seed, purpose + " kept").random(len(events)) < kept
        others = self.choose(round((2 - kept) * len(events)), VIEW_TASTE, purpose)
        users = np.concatenate([events.users[stays], others.users])
        return distinct(Events(users, np.concatenate([events.items[stays], others.items])), self.items)

    def rated(self, events: Events) -> Events:
        rng = stream(self.seed, "ratings")
        given = [self._rating(*pair, rng) for pair in zip(_pieces(events.users), _pieces(events.items), strict=True)]
        return replace(events, ratings=np.concatenate(given))

    def _rating(self, users: np.ndarray, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        noise = rng.normal(0, 0.7, len(users))
        match = 0.8 * (self.likes[users] == self.genre[items])
        match += 0.6 * (self.favourite[users] == self.brand[items])
        return np.clip(np.round(2.8 + match + self.quality[items] + noise), 1, 5).astype(np.float32)

    def friends(self) -> Events:
        """Mutual friends, five a user on average, four in five links between users of one favourite genre."""
        rng = stream(self.seed, "friends")
        order = np.argsort(self.likes, kind="stable")
        first = np.searchsorted(self.likes[order], np.arange(self.genres + 1))
        users = np.repeat(np.arange(self.users), rng.poisson(2.5, self.users))
        low, high = first[self.likes[users]], first[self.likes[users] + 1]
        alike = rng.random(len(users)) < 0.8
        low, high = np.where(alike, low, 0), np.where(alike, high, self.users)
        friends = order[(low + rng.random(len(users)) * (high - low)).astype(np.int64)]
        users, friends = users[users != friends], friends[users != friends]
        both = np.concatenate([users, friends]), np.concatenate([friends, users])
        return distinct(Events(both[0].astype(np.int32), both[1].astype(np.int32)), self.users)

    def triples(self) -> np.ndarray:
        """Relations: 0 item has genre, 1 item is of brand, 2 brand is of genre, 3 item resembles item."""
        rng = stream(self.seed, "triples")
        items, brands = np.arange(self.items), np.arange(self.brands)
        genre, brand = self.items + self.genre, self.items + self.genres + self.brand
        neighbour = self.item_at[(np.argsort(self.item_at) + rng.integers(1, 3, self.items)) % self.items]
        groups = [
            (items, 0, genre),
            (items, 1, brand),
            (self.items + self.genres + brands, 2, self.items + brands // BRANDS),
            (items, 3, neighbour),
        ]
        rows = [np.stack(np.broadcast_arrays(*group), axis=1) for group in groups]
        return np.concatenate(rows).astype(np.int32)

    def user_fields(self) -> dict[str, np.ndarray]:
        rng = stream(self.seed, "user features")
        age = np.where(rng.random(self.users) < 0.75, self.likes % 6, rng.integers(6, size=self.users))
        return {"age": age, "region": rng.integers(5, size=self.users)}

    def item_features(self) -> Features:
        price = np.argsort(np.argsort(-self.popularity)) * 5 // self.items
        return Features.of_codes({"genre": self.genre, "brand": self.brand, "price": price})

    def _draw(self, users: np.ndarray, taste: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
        kind = np.searchsorted(np.cumsum(taste), rng.random(len(users)), side="right")
        low, high = self.low[users, kind], self.high[users, kind]
        place = np.searchsorted(self.edges, low + rng.random(len(users)) * (high - low), side="right") - 1
        return self.item_at[np.minimum(place, self.items - 1)]
