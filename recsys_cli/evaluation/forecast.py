"""How long a slow scorer will take, said before it starts."""

from __future__ import annotations

import time

import tensorflow as tf

from recsys_cli.models.base import Scorer

WORTH_SAYING = 60.0  # seconds


def announce_slow(scorer: Scorer, n_users: int) -> None:
    """Prints the time that n_users will take, from that of one, where the scorer takes them one by one (PairwiseModel) and
    that is over a minute."""
    if n_users and getattr(scorer, "user_by_user", False) and (seconds := _seconds_for(scorer, n_users)) > WORTH_SAYING:
        print(
            f"scoring all items for {n_users:,} users takes about {seconds / 60:,.0f} min ({seconds / n_users:.2f} s each)",
            flush=True,
        )


def _seconds_for(scorer: Scorer, n_users: int) -> float:
    """By the second of two tries, where the first, which warms up, gives reason for it."""
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        scorer(tf.constant([0])).numpy()
        seconds = (time.perf_counter() - began) * n_users
        if seconds <= WORTH_SAYING:
            break
    return seconds
