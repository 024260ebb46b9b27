"""Ids are compared exactly: what matches nothing is never reported as forgotten."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data_prep.ids import places
from tests.unlearning.conftest import QUICK
from tests.unlearning.harness import contents, log, recsys, train_run, write_pairs

TRAIN, _ = log()
USER, ITEM = TRAIN[10]
# Of users that exist, as somebody might write them who means these.
ALMOST = [USER.upper(), "\u200b" + USER, USER[0] + "0" + USER[1:], f" {USER} ", USER + "\u00a0"]


@pytest.fixture
def unlearn(run, tmp_path):
    def call(rows, header, *words):
        return recsys("unlearn", f"run={run}", f"forget={write_pairs(tmp_path / 'f.csv', rows, header)}", *words)

    return call


def test_places():
    assert places(["7", "007", "7.0", " 7", "8", "\u0667"], np.array([8, 7])).tolist() == [1, -1, -1, -1, 0, -1]
    texts = np.array(["ann", "Ann", "ann ", "7"])
    assert places(["ann ", "Ann", "ANN", "ann\0", "7"], texts).tolist() == [2, 1, -1, -1, 3]
    assert places([], texts).tolist() == [] and places(["a"], texts[:0]).tolist() == [-1]


@pytest.mark.parametrize(
    "name, words",
    [(name, ["verify=true"]) for name in ALMOST]
    + [(ALMOST[0], words) for words in ([], ["plan=true"], ["later=true"])],
)
def test_an_id_that_matches_nothing_never_ends_well(run, unlearn, name, words, capsys):
    before = contents(run / "current")
    assert unlearn([(name,)], "user", *words, "device=cpu") != 0
    out, err = capsys.readouterr()
    assert "matched nothing" in out + err or "white space" in err
    for claim in ("everything agrees", "checks passed", "nothing is left", ": keep it"):
        assert claim not in out
    assert contents(run / "current") == before and not list(run.glob("requests/*"))


def test_numbers_have_one_spelling(run, unlearn, capsys):
    for name in ("0" + ITEM, ITEM + ".0", "+" + ITEM):
        assert unlearn([(name,)], "item", "verify=true", "device=cpu") == 1
        assert f"such as {name}" in capsys.readouterr().out


def test_what_was_meant_is_named(run, unlearn, capsys):
    assert unlearn([(USER.upper(), "0" + ITEM), (USER + "\u200b", ITEM), ("x", "y")], "user,item", "device=cpu") == 2
    message = capsys.readouterr().err
    assert f"{USER.upper()},0{ITEM} (the data has {USER},{ITEM})" in message
    assert f"'{USER}\\u200b',{ITEM} (the data has {USER},{ITEM})" in message and "; x,y (never" in message


@pytest.mark.parametrize("others, matched", [([], 0), ([USER], 1)])
def test_ignoring_is_counted_and_said(run, unlearn, tmp_path, others, matched, capsys):
    """On the screen and in the report; the exit code is 0 because the person said so."""
    rows = [(name,) for name in ["NOBODY", USER.upper(), *others]]
    report = tmp_path / "report.json"
    assert unlearn(rows, "user", "missing=ignore", "verify=true", f"report={report}", "device=cpu") == 0
    out = capsys.readouterr().out
    assert "NOT matched and passed over (missing=ignore)" in out or matched == 0
    assert f"2 of {2 + matched} users matched nothing" in out and "except what missing=ignore passes over" in out
    asked = json.loads(report.read_text())["asked"] if report.exists() else None
    assert asked is None or (asked["rows"], asked["matched"], asked["unmatched"]) == (2 + matched, matched, 2)
    assert asked and asked["unmatched_rows"] == ["NOBODY", f"{USER.upper()} (the data has {USER})"]


def test_a_receipt_does_not_vouch_for_what_was_passed_over(run, unlearn, tmp_path, capsys):
    rows = [(USER,), ("nobody",)]
    assert unlearn(rows, "user", "missing=ignore", "device=cpu") == 0
    receipt = "receipt=" + capsys.readouterr().out.split("receipt ")[1].split(":")[0]
    (entry,) = json.loads((run / "ledger.json").read_text())["requests"]
    assert (entry["rows"], entry["unmatched"]) == (1, 1)
    assert unlearn(rows, "user", receipt, "device=cpu") == 1
    assert "1 of the 2 rows of the file matched nothing then" in capsys.readouterr().out
    assert unlearn(rows, "user", receipt, "missing=ignore", "device=cpu") == 0


def test_numbers_as_text(quick, tmp_path, capsys):
    """Where users are numbers too: 7 is there, 007 is not."""
    train, test = log()
    number = {user: str(n) for n, user in enumerate(sorted({u for u, _ in train}))}
    for name, rows in (("n-train.csv", train), ("n-test.csv", test)):
        write_pairs(tmp_path / name, [(number[u], i) for u, i in rows])
    words = [f"data.path={tmp_path / 'n-train.csv'}", f"data.test_path={tmp_path / 'n-test.csv'}"]
    run = train_run(tmp_path, *QUICK, *words, name="numbers")
    for name, code in (("007", 1), ("7", 0)):
        forget = write_pairs(tmp_path / "f.csv", [(name,)], "user")
        assert recsys("unlearn", f"run={run}", f"forget={forget}", "verify=true", "device=cpu") == code
