"""A column of texts that comes piece by piece: the distinct values are held once, the rows as their numbers."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from data_prep.ids import Texts


class TextColumn:
    """Pieces are Texts, or int64 arrays that stand for their plain decimal spelling."""

    def __init__(self) -> None:
        self._codes: list[np.ndarray] = []
        self._known: dict[int | str, int] = {}  # value -> code, in the order of first appearance
        self._are_numbers = True  # the values so far, which are then held as int

    def add(self, piece: Texts | np.ndarray) -> None:
        import pandas as pd

        values: list[int | str]
        if isinstance(piece, Texts):
            codes, values = piece.codes, piece.values.tolist()
            if self._are_numbers:
                self._known = {str(number): code for number, code in self._known.items()}
                self._are_numbers = False
        else:
            codes, numbers = pd.factorize(piece)
            values = numbers.tolist() if self._are_numbers else [str(number) for number in numbers.tolist()]
        known = self._known
        new = dict.fromkeys(value for value in values if value not in known)
        known.update(zip(new, range(len(known), len(known) + len(new)), strict=True))
        place = np.array([*map(known.get, values, repeat(-1)), -1], np.int32)  # the last: an empty cell
        self._codes.append(place[codes])

    def texts(self) -> Texts:
        """All pieces, one after the other."""
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, np.int32)
        return Texts(codes, np.array([str(value) for value in self._known], object), plain=self._are_numbers)
