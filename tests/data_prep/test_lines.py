from __future__ import annotations

import gzip

import pytest

from data_prep.errors import UserError
from data_prep.lines import looks_like_lines
from data_prep.prepare import prepare
from recsys_cli.data.load import get_dataset

LINES = "007 1 2 3\n8 1 02\nbob 3\n9 \n"


def raw_pairs(dataset, csr):
    return {(str(dataset.user_ids[u]), str(dataset.item_ids[i])) for u, i in zip(csr.rows, csr.indices, strict=True)}


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.replace(" ", "\t").encode())])
def test_lines_of_a_user_and_items_are_recognised_in_every_part(csv_cfg, tmp_path, pack):
    (tmp_path / "test.txt").write_text("007 02\nbob 1\n")  # of equal widths: by itself it could be a table
    cfg = csv_cfg(pack(LINES), "train.txt", split=None, test_path=str(tmp_path / "test.txt"))
    dataset = get_dataset(cfg)
    assert raw_pairs(dataset, dataset.target_train) == {
        ("007", "1"), ("007", "2"), ("007", "3"), ("8", "1"), ("8", "02"), ("bob", "3"),
    }  # fmt: skip
    assert raw_pairs(dataset, dataset.test) == {("007", "02"), ("bob", "1")}
    notes = " ".join(dataset.notes)
    assert "train.txt is read as lines `user item item ...`; data.form=table" in notes
    assert "test.txt is the test part (data.split=given)" in notes


@pytest.mark.parametrize(
    "text",
    [
        "user item rating\n1 2 3\n4 5\n",  # a table with a header and a faulty line
        "1\t2\t3\n4\t5 6\t7\n",  # tabs cut all lines alike
        "1,2 3\n4,5 6 7\n",
        "1 2\n3 4\n5 6\n",
        "1 2 3\n" * 50 + "4 5\n",  # a table with one faulty line
        "PAR1",
    ],
)
def test_tables_are_not_taken_for_lines(text):
    assert not looks_like_lines(text.encode(), "f.txt")


def test_the_form_can_be_said(csv_cfg):
    dataset = get_dataset(csv_cfg("1 2 3\n4 5 6\n", form="lines"))
    assert dataset.item_ids.tolist() == ["2", "3", "5", "6"]
    with pytest.raises(UserError, match="no column looks like the user.*data.form=lines"):
        prepare(csv_cfg(LINES, form="table"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3\n\n4 5\n", "log.csv, line 2: the line is empty"),
        ("1 2 3\n4 5\0\n", "log.csv, line 2: a NUL"),
        (b"1 2 3\n4 \xff\n", "log.csv, line 2: not UTF-8"),
        ("1 2 3\n4 " + "5" * 1001, "log.csv, line 2: the item '5+' has over 1000 characters"),
    ],
)
def test_bad_lines_are_named(csv_cfg, text, message):
    with pytest.raises(UserError, match=message):
        prepare(csv_cfg(text, form="lines"))
