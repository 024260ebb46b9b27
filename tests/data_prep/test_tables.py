from __future__ import annotations

import io

import numpy as np
import pytest

from data_prep import tables
from data_prep.errors import UserError
from data_prep.tables import read_events_table


def columns(text, **options):
    table = read_events_table(text if isinstance(text, bytes) else text.encode(), "f.csv", **options)
    return {name: list(series) for name, series in table.columns.items()}


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|", "::", " "])
def test_delimiters_are_found_out(delimiter):
    text = "\n".join(delimiter.join(row) for row in (("user_id", "item_id", "rating"), "ax5", "by4"))
    assert columns(text) == {"user": ["a", "b"], "item": ["x", "y"], "rating": [5.0, 4.0]}


def test_ids_keep_their_text_wherever_the_first_word_comes():
    numbers = [f"{n:07}" for n in range(60000)]
    found = columns("user,item\n" + "".join(f"{n},1\n" for n in numbers) + "word,1\n")["user"]
    assert found == [*numbers, "word"]


def test_whole_numbers_stay_numbers_and_na_is_an_id_like_any_other():
    assert columns("user,item\n7,NA\n8,None\n") == {"user": [7, 8], "item": ["NA", "None"]}


def test_columns_by_name_and_by_place():
    assert columns("who,what,x\n1,2,3\n", columns={"user": "who", "item": "what"}) == {
        "user": [1],
        "item": [2],
    }
    assert columns("1,9,2\n3,9,4\n", columns=["user", "_", "item"]) == {"user": [1, 3], "item": [2, 4]}


def test_quotes_bom_and_windows_line_ends():
    assert columns(b'\xef\xbb\xbfuser,item\r\n"a,b",1\r\n') == {"user": ["a,b"], "item": [1]}


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
        ("user,item\n1,2\n1.5,4\n", {}, r"f.csv, line 3: the user 1.5 is a fraction"),
        ("user,item,rating\n1,2,5\n1,3,good\n", {}, r"f.csv, line 3: the rating 'good' is not a number"),
        ("user,item,time\n1,2,5\n1,3,noon\n", {}, r"f.csv, line 3: the timestamp 'noon' is neither"),
        ("a,b\n1,2\n", {}, r"no column looks like the user; its columns are a, b. .*data.columns"),
        ("a,b\n1,2\n", {"columns": {"user": "A", "item": "b"}}, r"no column 'A' .*Valid: a, b"),
        ("a,b\n1,2\n", {"columns": {"usr": "a"}}, r"Did you mean 'user'"),
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


def test_parquet(monkeypatch):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    buffer = io.BytesIO()
    pd.DataFrame({"user": ["a", "b"], "item": [3, 4]}).to_parquet(buffer, engine="pyarrow")
    assert columns(buffer.getvalue()) == {"user": ["a", "b"], "item": [3, 4]}
    with pytest.raises(UserError, match="not a readable Parquet"):
        columns(buffer.getvalue()[:-20])
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="install pyarrow"):
        columns(buffer.getvalue())
