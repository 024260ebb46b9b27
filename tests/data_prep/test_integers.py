from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.integers import read_integers


def slow(text):
    return [[int(token) for token in line.replace(",", " ").split()] for line in text.splitlines()]


@pytest.mark.parametrize("text", ["0 1 2\n1\n2 7 8 9", "0\t1\r\n3  4 \r\n", "10 999999999999999999\n"])
def test_lines_agree_with_a_plain_loop(text):
    read = read_integers(text.encode(), "f")
    expected = slow(text)
    np.testing.assert_array_equal(read.values, np.concatenate(expected))
    np.testing.assert_array_equal(read.lengths, [len(line) for line in expected])
    users, items, lines = read.pairs()
    triples = [(line[0], item, n) for n, line in enumerate(expected, 1) for item in line[1:]]
    assert list(zip(users, items, lines, strict=True)) == triples


def test_random_lines_agree_with_a_plain_loop():
    rng = np.random.default_rng(0)
    text = "\n".join(" ".join(map(str, rng.integers(10**6, size=rng.integers(1, 9)))) for _ in range(200))
    np.testing.assert_array_equal(read_integers(text.encode(), "f").values, np.concatenate(slow(text)))


def test_table_with_header():
    read = read_integers(b"uid,sid\n0,5\n1,6\n", "f", separators=" ,", columns=2, header=True)
    np.testing.assert_array_equal(read.table(), [[0, 5], [1, 6]])
    assert read.first_line == 2


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"0 1\n1 x\n", {}, r"f, line 2: 'x' is not a whole number in '1 x'"),
        (b"0 1\n1 2.5\n", {}, r"f, line 2: '2.5' is not a whole number"),
        (b"0 1\n1 -3\n", {}, r"f, line 2: negative id -3 in '1 -3'"),
        (b"0 1\n\n2 3\n", {}, r"f, line 2: the line is empty"),
        (b"0 1\n   \n2 3", {}, r"f, line 2: the line is empty"),
        (b"0 1\n2\n", {"columns": 2}, r"f, line 2: 2 columns are expected, received 1: '2'"),
        (b"0 1\n2 3 4\n", {"columns": 2}, r"f, line 2: 2 columns are expected, received 3: '2 3 4'"),
        (b"a b\n0 1\n2\n", {"columns": 2, "header": True}, r"f, line 3: 2 columns"),
        (b"0 1\n0 2\n", {"header": True}, r"f, line 1: a header is expected, received '0 1'"),
        (b"0 1234567890123456789\n", {}, r"f, line 1: 1234567890123456789 has over 18 digits"),
        (b"0 1\n1 \xff\xfe\n", {}, r"f, line 2: .* is not a whole number"),
        (b"0 1\n1 2\x00\n", {}, r"f, line 2: .* is not a whole number"),
        (b"", {}, r"f has no data"),
        (b"uid sid\n", {"header": True}, r"f has no data"),
    ],
)
def test_bad_input_names_file_line_and_text(content, options, message):
    with pytest.raises(UserError, match=message):
        read_integers(content, "f", **options)
