"""Raw ids: looked up exactly as they are written."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def places(raw_texts: Iterable[str], ids: np.ndarray) -> np.ndarray:
    """int64 [n]: the place in `ids` of each text, -1 where it is not one of them.

    Texts are equal where every character is; an integer id has one spelling, `7` and not `007` or `7.0`.
    """
    place = {str(raw): number for number, raw in enumerate(np.asarray(ids).tolist())}
    return np.array([place.get(text, -1) for text in raw_texts], np.int64)
