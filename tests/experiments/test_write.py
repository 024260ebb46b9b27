"""What is written: whole or not at all, the same for Markdown and for a page, nothing of this machine."""

from __future__ import annotations

import errno

import pytest

from data_prep import files
from data_prep.errors import UserError
from recsys_cli.experiments.document import Document, Drawing, Lines, Part, Shown, Table
from recsys_cli.experiments.write import check_output, csv_text, with_ending, write


def test_a_full_disk_is_said_in_a_sentence_and_leaves_what_was_there(tmp_path, monkeypatch):
    stem = tmp_path / "4.11"
    before = write(stem, "csv", "old")

    def full(name, payload, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    with pytest.raises(UserError, match=r"cannot write .*4\.11\.csv .*No space left on device\. All runs are kept"):
        write(stem, "csv", "new")
    assert before.read_text() == "old" and before.name == "4.11.csv"


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Choose another place with output="):
        check_output(tmp_path / "file" / "tables" / "4.11")
    check_output(tmp_path / "new" / "tables" / "4.11")
    assert list((tmp_path / "new" / "tables").iterdir()) == []
    assert with_ending(tmp_path / "4.11", "md").name == "4.11.md"


def test_a_document_says_the_same_twice():
    table = Table(["row", "HR@10"], [["<b>|", Shown("0.1", "second", "0.2, -50 %")]], "of users")
    document = Document("T & U", "about", [Part("One", ["text", table, Lines(["a line"]), Drawing(None, "f", "c")])])
    text, page = document.markdown(), document.html()
    assert "| <b>\\| | <u>0.1</u> (0.2, -50 %) |" in text and "- a line" in text and "![" not in text
    assert "&lt;b&gt;|" in page and "<b>" not in page and "T &amp; U" in page
    for word in ("about", "text", "of users", "0.1", "0.2, -50 %", "a line"):
        assert word in text and word in page
    assert csv_text([{"a": "1", "b": "x,y"}]) == 'a,b\n1,"x,y"\n' and csv_text([]) == ""
