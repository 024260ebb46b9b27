"""Generated interactions at moments: whoever chooses does so at a moment, and each (user, moment) is a row context.

A moment has genres of its own: of the choices of an item, FITTING are made at the moment of its genre, the others at any.
So what a user chooses at a moment is told by the user and by the moment, and hardly by the few choices of that context:
a model of fields finds both, a model of contexts as ids has to learn each context by itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_prep.events import Events, Raw, stream
from data_prep.features import Features

MOMENTS = 4
FITTING = 0.7


def at_moments(raw: Raw, genre: np.ndarray, features: dict[str, np.ndarray], seed: int) -> Raw:
    """Users times moments as users. genre: int [items]; features: codes of the users' fields, int [users].

    Friends are people, not contexts: there are none.
    """
    everyone = np.arange(raw.n_users)
    placed = {name: _placed(events, genre, seed, name) for name, events in raw.train.items()}
    user, moment = np.divmod(np.arange(raw.n_users * MOMENTS), MOMENTS)
    codes = {"user": everyone, **features}
    return replace(
        raw,
        train=placed,
        user_ids=np.array([f"{u}|{m}" for u, m in zip(user, moment)]),
        user_features=Features.of_codes({**{name: code[user] for name, code in codes.items()}, "moment": moment}),
        friends=None,
    )


def moment_of(genre: np.ndarray) -> np.ndarray:
    """At which moment items of these genres are usually chosen."""
    return genre % MOMENTS


def _placed(events: Events, genre: np.ndarray, seed: int, behaviour: str) -> Events:
    """The same events by context."""
    rng = stream(seed, f"moments of {behaviour}")
    fits = rng.random(len(events)) < FITTING
    moment = np.where(fits, moment_of(genre[events.items]), rng.integers(MOMENTS, size=len(events)))
    return replace(events, users=(events.users * MOMENTS + moment).astype(np.int32))
