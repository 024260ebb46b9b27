from __future__ import annotations

import io

import numpy as np
import pytest

from data_prep import parquet as parquet_module
from data_prep.errors import UserError
from data_prep.tables import read_events_table


def columns(text, **options):
    table = read_events_table(text if isinstance(text, bytes) else text.encode(), "f.csv", **options)
    return {name: [column[row] for row in range(len(column))] for name, column in table.columns.items()}


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|", "::", " "])
def test_delimiters_are_found_out(delimiter):
    text = "\n".join(delimiter.join(row) for row in (("user_id", "item_id", "rating"), "ax5", "by4"))
    assert columns(text) == {"user": ["a", "b"], "item": ["x", "y"], "rating": [5.0, 4.0]}


@pytest.mark.parametrize(
    "ids",
    [
        ["00123", "123"],
        ["1.0", "1"],
        ["NA", "nan"],
        ["1e5", "0x1"],
        ["True", "007"],
        ["-5", "-05"],
        ["9" * 18, "9" * 19],
        ["+7", "7"],
        ["1_0", "10"],
        ["5", "-0"],
    ],
)
def test_ids_are_what_is_written(ids):
    assert columns(f"user,item\n{ids[0]},{ids[1]}\n{ids[1]},{ids[0]}\n") == {"user": ids, "item": ids[::-1]}


def test_ids_keep_their_text_wherever_the_first_word_comes():
    numbers = [f"{n:07}" for n in range(60000)]
    found = columns("user,item\n" + "".join(f"{n},1\n" for n in numbers) + "word,1\n")["user"]
    assert found == [*numbers, "word"]


def test_columns_by_name_and_by_place():
    text = "who,what,x,item_id\n1,2,3,4\n"
    assert columns(text, columns={"user": "who", "item": "what"}) == {"user": ["1"], "item": ["2"]}
    assert columns(text, columns={"user": "who"}) == {"user": ["1"], "item": ["4"]}
    assert columns("1,9,2\n3,9,4\n", columns=["user", "_", "item"]) == {"user": ["1", "3"], "item": ["2", "4"]}
    assert list(columns("user,item,rating\n1,2,x\n", columns={"rating": None})) == ["user", "item"]


def test_the_headers_of_recbole_are_understood():
    text = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n01\t7.0\t4.5\t86400.0\n"
    expected = {"user": ["01"], "item": ["7.0"], "rating": [4.5], "timestamp": [86400]}
    assert columns(text) == expected
    assert columns(text, columns={"item": "item_id"}) == expected


def test_quotes_bom_and_windows_line_ends():
    assert columns(b'\xef\xbb\xbfuser,item\r\n"a,b",1\r\n') == {"user": ["a,b"], "item": ["1"]}


@pytest.mark.parametrize("stamp", ["86400", "86400.0", "1970-01-02", "1970-01-02T00:00:00Z", "1970-01-02 00:00:00"])
def test_timestamps_become_seconds(stamp):
    assert columns(f"user,item,timestamp\n1,2,{stamp}\n")["timestamp"] == [86400]


def test_an_absent_rating_stays_absent():
    assert np.isnan(columns("user,item,rating\n1,2,\n1,3,4\n")["rating"][0])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("user,item\n1,2\n3\n", {}, r"f.csv, line 3: 2 columns are expected, received 1: '3'"),
        ("user,item\n1,2\n3,4,5\n", {}, r"f.csv, line 3: 2 columns are expected, received 3: '3,4,5'"),
        ("user,item\n1,2\n\n3,4\n", {}, r"f.csv, line 3: the line is empty"),
        ("user,item\n1,2\n,4\n", {}, r"f.csv, line 3: the user is empty"),
        ("user,item\n1,2\n 1,4\n", {}, r"f.csv, line 3: the user ' 1' begins or ends with white space, and ids are"),
        ("user,item\n1,2\n1,4\u00a0\n", {}, r"f.csv, line 3: the item '4.*' begins or ends with white space"),
        ('user,item\n1,2\n"a\nb",3\n', {}, r"f.csv, line 3: the user .* has a line break in it"),
        ("user,item\n1,2\n1,a\0b\n", {}, r"f.csv, line 3: a NUL"),
        ("user,item\n1,2\n1,3\r4\n", {}, r"f.csv, line 3: a carriage return within the line"),
        (f"user,item\n1,{'x' * 1001}\n", {}, r"f.csv, line 2: the item 'x+' has over 1000 characters"),
        ("user,item,rating\n1,2,5\n1,3,4e39\n", {}, r"f.csv, line 3: the rating .* is not a number"),
        (
            "user,item,time\n1,2,5\n1,3,9e30\n",
            {},
            r"f.csv, line 3: the timestamp 9e\+30 is neither a number of at most",
        ),
        ("user,user_id,item\n1,2,3\n", {}, r"several columns look like the user: user, user_id; say which"),
        ("user,user,item\n1,2,3\n", {}, r"several columns look like the user: user, user; rename one"),
        ("a,b,b\n1,2,3\n", {"columns": {"user": "a", "item": "b"}}, r"has 2 columns called 'b'"),
        ("1 2 3\n4 5 6\n", {}, "no column looks like the user.*data.form=lines"),
        ("user,item\n1,2\n3,4,5\n6\n", {}, r"f.csv, line 3: 2 columns are expected, received 3"),
        ("user,item,rating\n1,2,5\n1,3,good\n", {}, r"f.csv, line 3: the rating 'good' is not a number"),
        ("user,item,time\n1,2,5\n1,3,noon\n", {}, r"f.csv, line 3: the timestamp 'noon' is neither"),
        ("a,b\n1,2\n", {}, r"no column looks like the user or the item; its columns are a, b. .*data.columns"),
        ("a,b\n1,2\n", {"columns": {"user": "A", "item": "b"}}, r"no column 'A' .*Valid: a, b"),
        (b"\xff\r\0user", {}, r"f.csv, line 1: a NUL"),
        (b"user,item\n1,2\n\xff,4\n", {}, r"f.csv, line 3: not UTF-8 text"),
        ("", {}, "f.csv is empty"),
        ("user,item\n", {}, "f.csv has a header and no rows"),
        ("user,item\n1,2\n", {"columns": ["user", "item"]}, "f.csv, line 1: 'user,item' is a header"),
        ('user,item\n"a",b,c\n"d",e,f\n', {}, r"f.csv, line 2: 2 columns are expected, received 3"),
        ('user,item\n"a",b\n"d",e,f\n', {}, r"f.csv, line 3: 2 columns are expected, received 3"),
    ],
)
def test_bad_input_names_file_line_and_text(text, options, message):
    with pytest.raises(UserError, match=message):
        columns(text, **options)


@pytest.fixture
def parquet():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")

    def make(**found):
        buffer = io.BytesIO()
        pd.DataFrame(found).to_parquet(buffer, engine="pyarrow")
        return buffer.getvalue()

    return make


def test_parquet_declares_what_is_a_number_and_what_is_text(parquet):
    found = read_events_table(parquet(user=["007", "7"], item=[3, 4], timestamp=[1.5, 2.0]), "f").columns
    assert [found["user"][row] for row in range(2)] == ["007", "7"]
    assert found["item"].tolist() == [3, 4] and found["item"].dtype == np.int64
    assert found["timestamp"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"user": [1.0, 2.0], "item": [3, 4]}, "column 'user' is of type double, and only whole numbers and text"),
        ({"user": [True, False], "item": [3, 4]}, "column 'user' is of type bool"),
        ({"user": ["a", None], "item": [3, 4]}, "f, line 2: the user is empty"),
        ({"user": ["a", "b "], "item": [3, 4]}, "f, line 2: the user 'b ' begins or ends with white space"),
        ({"user": ["a", "b\0"], "item": [3, 4]}, "f, line 2: the user .* has a NUL"),
    ],
)
def test_parquet_ids_that_are_none(parquet, found, message):
    with pytest.raises(UserError, match=message):
        read_events_table(parquet(**found), "f")


def test_damaged_parquet(parquet, monkeypatch):
    whole = parquet(user=["a", "b"], item=[3, 4])
    for content, name in (
        (whole[:-20], "f"),
        (b"\xde\xad\xbe\xef" * 50, "f.parquet"),
        (b"PAR1", "f"),
        (b"", "f.parquet"),
    ):
        with pytest.raises(UserError, match=f"{name} is not a readable Parquet"):
            read_events_table(content, name)
    with pytest.raises(UserError, match="which names its columns"):
        read_events_table(whole, "f", columns=["user", "item"])
    monkeypatch.setattr(parquet_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="install pyarrow"):
        columns(whole)
