"""The search finds rows in prepared data sets and in texts of the program's own, and names what it cannot read."""

from __future__ import annotations

import json
import shutil

import pytest

from recsys_cli.runs.environment import environment
from recsys_cli.unlearning.own_files import own_texts
from recsys_cli.unlearning.search import names, prepared_with
from tests.unlearning.harness import log


@pytest.mark.parametrize(
    "document",
    [
        {"u7": {"mean": "1003"}},
        ["U7!", "item 1003."],
        {"a": {"b": ["x_u7_1003", 5]}},
        {"rows": "u7%2C,1003"},
    ],
)
def test_a_row_is_found_as_words_in_any_case(document):
    for kind, row in (("pairs", ("u7", "1003")), ("users", ("u7",)), ("items", ("1003",))):
        assert names(document, kind, [("nobody", "x")[: len(row)], row])
    for kind, row in (("pairs", ("u7", "100")), ("pairs", ("u70", "1003")), ("users", ("u",)), ("items", ("003",))):
        assert not names(document, kind, [row])


def test_versions_and_cut_offs_are_no_ids():
    document = {"python": "3.12.4", "HR@10": {"mean": 0.5}}
    assert not any(names(document, "users", [(number,)]) for number in ("3", "12", "4", "10", "5"))


def test_the_machine_is_no_id(tmp_path):
    """Ids such as 2 and 64 beside what the program writes of the machine that trained, or of this one."""
    record, then = tmp_path / "record.json", {"machine": "x86_64", "instruction_set": "x86_64 avx2", "threads": "2"}

    def found(written: dict, name: str) -> bool:
        record.write_text(json.dumps({"environment": written}))
        return names(own_texts(tmp_path, {"environment": then})[record], "users", [(name,)])

    assert not any(found(more, name) for more in (then, environment()) for name in ("2", "64", "86", "avx2", "any"))
    assert found(then | {"machine": "64"}, "64") and found(then | {"u2": "x"}, "u2")


def test_ids_with_marks_in_them_are_found():
    assert names(["by Doe, J. (x:1)"], "pairs", [("Doe, J.", "x:1")])


def test_prepared_data(made_run, tmp_path):
    shutil.copytree(made_run.parent / "cache", tmp_path / "cache")
    cache, pairs = tmp_path / "cache" / "prepared", log()[0][3:6]
    data = next(cache.iterdir())
    assert prepared_with(cache, "train", [("pairs", pairs[:1])]) == [data]
    assert prepared_with(cache, "train", [("users", [("nobody",)])]) == []
    assert prepared_with(cache, "train", [("users", [("nobody",)]), ("items", [(pairs[0][1],)])]) == [data]
    assert prepared_with(cache, "other", [("pairs", pairs)]) == []
    (data / "manifest.json").write_text('{"arrays": ')
    assert prepared_with(cache, "train", [("users", [("nobody",)])]) == [data], "it cannot be read"
