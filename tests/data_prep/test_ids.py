from __future__ import annotations

import numpy as np
import pytest

from data_prep.ids import Texts, fault, numbered, places

NUMBERS = np.array([7, 0, 123, -5])
TEXTS = np.array(["7", "007", "7.0", "a b"])


@pytest.mark.parametrize(
    ("raw", "ids", "expected"),
    [
        (["7", "007", "7.0", " 7", "+7", "a b", "a\0", "7\0"], TEXTS, [0, 1, 2, -1, -1, 3, -1, -1]),
        ([7, 8], TEXTS, [0, -1]),
        (["7", "007", "7.0", " 7", "+7", "-5", "-0", "0"], NUMBERS, [0, -1, -1, -1, -1, 3, -1, 1]),
        (["\u0667", "9" * 19, "9" * 30], NUMBERS, [-1, -1, -1]),  # an Arabic digit seven, and what has over 64 bits
        (np.array([123, 124, -5]), NUMBERS, [2, -1, 3]),
        (np.array(["123", "0123"]), NUMBERS, [2, -1]),
        ([], TEXTS, []),
        (["7"], TEXTS[:0], [-1]),
        ([7], NUMBERS[:0], [-1]),
    ],
)
def test_places_are_found_by_the_exact_spelling_only(raw, ids, expected):
    found = places(raw, ids)
    assert found.tolist() == expected and found.dtype == np.int64


def test_places_of_a_column_with_an_empty_cell():
    column = Texts(np.array([1, -1, 0], np.int32), np.array(["x", "7"], object))
    assert places(column, TEXTS).tolist() == [0, -1, -1]


def test_columns_are_numbered_together_as_numbers_where_all_are():
    codes, ids = numbered([np.array([30, 4]), np.array([4, 5])])
    assert ids.tolist() == [4, 5, 30] and [c.tolist() for c in codes] == [[2, 0], [0, 1]]
    text = Texts(np.array([0, 2, -1], np.int32), np.array(["04", "unused", "5"], object))
    codes, ids = numbered([np.array([30, 4, 5]), text])
    assert ids.tolist() == ["04", "30", "4", "5"] and [c.tolist() for c in codes] == [[1, 2, 3], [0, 3, -1]]


@pytest.mark.parametrize("text", ["", " a", "a ", "\ta", "a\u00a0", "a\0b", "a\nb", "a\rb", "x" * 1001])
def test_what_no_id_may_be(text):
    assert fault(text)


@pytest.mark.parametrize("text", ["a b", "007", "1.0", "-", "a\u200b", "é", "x" * 1000])
def test_what_an_id_may_be(text):
    assert fault(text) is None
