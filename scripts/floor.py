"""What the machine itself can do: the seconds below which no program of this arithmetic and traffic comes."""

from __future__ import annotations

import time


def machine_rates() -> tuple[float, float]:
    """GFLOP/s of a square float32 product and GB/s of a copy (read + write), each the best of five."""
    import numpy as np

    a = np.ones((2048, 2048), np.float32)
    b = np.ones(1 << 26, np.float32)
    c = np.empty_like(b)

    def best(function) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            function()
            times.append(time.perf_counter() - began)
        return min(times)

    return 2 * 2048**3 / best(lambda: a @ a) / 1e9, 2 * b.nbytes / best(lambda: np.copyto(c, b)) / 1e9


def floor_seconds(ours: dict) -> tuple[float, float]:
    """Arithmetic plus traffic of an ENMF epoch, and of a full ranking whose scores never leave the cache.

    Per step: the Gramians and their products with the tables, 4 (R + C) d^2 FLOP, and 10 d FLOP a pair; the item table
    is read twice for the loss, its gradient written, and table and accumulator are read and written by Adagrad (7 passes),
    and six vectors are moved per pair.
    """
    rates, size = machine_rates(), ours["size"]
    flop = 4 * (ours["users"] + ours["steps"] * ours["items"]) * size**2 + 10 * ours["pairs"] * size
    moved = 4 * size * (7 * ours["steps"] * ours["items"] + 6 * ours["pairs"])
    ranking = 2 * ours["users"] * ours["items"] * size
    return flop / rates[0] / 1e9 + moved / rates[1] / 1e9, ranking / rates[0] / 1e9
