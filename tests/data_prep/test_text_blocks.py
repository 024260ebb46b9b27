"""A file is the same table however it is cut into blocks."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from data_prep import text_blocks
from data_prep.archives import open_archived, open_bytes
from data_prep.errors import UserError
from data_prep.ids import Texts
from data_prep.lines import read_lines
from data_prep.tables import read_events_table
from data_prep.text_blocks import blocks_of
from data_prep.text_column import TextColumn

TABLE = "user,item,rating,time\r\n007,1,4,2024-05-31\r\n7,word,,2024-06-01\r\n8,1,2.5,2024-06-02\r\nü,12,1,2024-06-03\r\n\r\n"


def read(text: str, block: int, monkeypatch, **options):
    monkeypatch.setattr(text_blocks, "BLOCK", block)
    columns = read_events_table(text.encode(), "f.csv", **options).columns
    return {name: [column[row] for row in range(len(column))] for name, column in columns.items()}


@pytest.mark.parametrize("block", [1, 7, 40, 75])
@pytest.mark.parametrize("quote", ["", '"'])
def test_blocks_of_any_size_are_one_table(block, quote, monkeypatch):
    text = TABLE.replace("word", f"{quote}word{quote}")
    assert str(read(text, block, monkeypatch)) == str(read(text, 1 << 20, monkeypatch))
    assert read(text, block, monkeypatch)["user"] == ["007", "7", "8", "ü"]


@pytest.mark.parametrize("block", [1, 9, 1000])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item\n1,2\n\n3,4\n", "line 3: the line is empty"),
        ("user,item\n1,2\n3,4\n5\n", "line 4: 2 columns are expected, received 1"),
        ('user,item\n1,2\n3,4\n"5"\n', "line 4: 2 columns are expected, received 1"),
        ("user,item\n1,2\n3,\0\n", "line 3: a NUL"),
        ("user,item,rating\n1,2,3\n4,5,x\n", "line 3: the rating 'x' is not a number"),
        ("user,item\n1,2\n ,4\n", "line 3: the user ' ' begins or ends with white space"),
        ("user,item,time\n1,2,3\n4,5,2024-05-31\n", "line 3: the timestamp '2024-05-31' is neither"),
        ("user,item\n", "f.csv has a header and no rows"),
        ("\n\r\n", "f.csv is empty"),
    ],
)
def test_an_error_names_its_line_in_any_block(text, message, block, monkeypatch):
    with pytest.raises(UserError, match=message):
        read(text, block, monkeypatch)


def test_dates_do_not_become_numbers_in_a_later_block(monkeypatch):
    with pytest.raises(UserError, match="line 3: the timestamp .*5.* is neither"):
        read("user,item,time\n1,2,2024-05-31\n3,4,5\n", 1, monkeypatch)


def test_lines_of_items_in_blocks(monkeypatch):
    text = b"1 a b\n2\n3 a\n"
    monkeypatch.setattr(text_blocks, "BLOCK", 1)
    users, items, lines = read_lines(text, "f")
    assert [users[0], users[2], items[0], items[1], items[2]] == ["1", "3", "a", "b", "a"]
    assert lines.tolist() == [1, 1, 3]
    with pytest.raises(UserError, match="line 2: the line is empty"):
        read_lines(b"1 a\n\n2 b", "f")


def test_blocks_are_bounded_until_something_is_quoted(monkeypatch):
    monkeypatch.setattr(text_blocks, "BLOCK", 16)
    plain = list(blocks_of(b"12345\n" * 20, "f"))
    assert max(len(block.text) for block in plain) <= 32 and [block.first for block in plain][:2] == [1, 3]
    assert b"\n".join(block.text for block in plain) + b"\n" == b"12345\n" * 20
    assert next(blocks_of(b'12345\n"a\nb"\n' * 20, "f")).text.count(b'"') == 40


def test_numbers_become_texts_where_a_later_piece_has_texts():
    column = TextColumn()
    column.add(np.array([7, 3, 7]))
    column.add(Texts(np.array([0, -1, 1], np.int32), np.array(["x", "3"], object)))
    texts = column.texts()
    assert [texts[row] for row in range(6)] == ["7", "3", "7", "x", "", "3"] and not texts.plain
    assert texts.codes.tolist() == [0, 1, 0, 2, -1, 1]


def test_a_packed_file_is_unpacked_as_it_is_read(tmp_path):
    content = b"".join(b"%d %d\n" % (n, n * n) for n in range(30_000))
    path = tmp_path / "r.txt.gz"
    path.write_bytes(gzip.compress(content[:1000]) + gzip.compress(content[1000:]) + b"\0" * 10)
    with open_bytes(path) as stream:
        assert b"".join(iter(lambda: stream.read(777), b"")) == content
    with open_archived(path)() as stream:
        assert isinstance(stream, io.BufferedReader) and stream.read() == content


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(b"user,item\n1,2\n")
    opened = open_archived(path)
    path.write_bytes(b"user,item\n1,2\n3,4\n")
    with pytest.raises(UserError, match=r"r.csv was changed while it was read"):
        opened()
