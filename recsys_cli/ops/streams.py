"""Random streams derived from (seed, purpose, numbers) and nothing else.

No generator carries state from one step to the next, so a resumed run needs no random state: the stream of
epoch 7 is the same whether epochs 0 to 6 ran in this process, in another one, or on another machine.
"""

from __future__ import annotations

import zlib

import numpy as np


def _sequence(seed: int, purpose: str, numbers: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *numbers])


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """A NumPy generator for one purpose, e.g. ``generator(seed, "batches", epoch)``."""
    return np.random.Generator(np.random.Philox(_sequence(seed, purpose, numbers)))


def stateless_seed(seed: int, purpose: str, *numbers: int) -> np.ndarray:
    """int32 [2], for TensorFlow's stateless random operations."""
    return _sequence(seed, purpose, numbers).generate_state(2).view(np.int32)
