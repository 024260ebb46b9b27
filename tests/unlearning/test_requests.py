"""Requests: order and repetition do not matter, bad ones change nothing, the ledger keeps no row."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from omegaconf import OmegaConf

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.unlearning.forget_file import read_rows
from tests.unlearning.conftest import QUICK
from tests.unlearning.harness import contents, log, recsys, train_run, write_pairs

TRAIN, TEST = log()
USER, PAIRS = TRAIN[10][0], [TRAIN[3], TRAIN[40], TEST[2]]


@pytest.fixture
def unlearn(run, tmp_path):
    """unlearn(rows, header, words..., of=run) -> exit code"""

    def call(rows, header="user,item", *words, of=run):
        forget = [f"forget={write_pairs(tmp_path / 'forget.csv', rows, header)}"] if rows is not None else []
        return recsys("unlearn", f"run={of}", *forget, "device=cpu", *words)

    return call


def test_order_and_collecting_do_not_matter(run, unlearn, tmp_path):
    runs = {name: tmp_path / name for name in ("ab", "ba", "together")}
    for copy in runs.values():
        shutil.copytree(run, copy, symlinks=True)
    a, b = (PAIRS, "user,item"), ([(USER,)], "user")
    for name, first, second in (("ab", a, b), ("ba", b, a)):
        for rows in (first, second):  # they have a pair in common
            assert unlearn(*rows, "missing=ignore", of=runs[name]) == 0
    assert unlearn(*a, "later=true", of=runs["together"]) == 0
    assert contents(runs["together"] / "current") == contents(run / "current")
    assert unlearn(*b, of=runs["together"]) == 0
    states = [contents(copy / "current") for copy in runs.values()]
    assert states[0] == states[1] == states[2] != contents(run / "current")
    assert (runs["together"] / "current").resolve().name == "1", "both in one go"
    ledger = json.loads((runs["together"] / "ledger.json").read_text())
    assert sorted((r["kind"], r["rows"], r["held_out_pairs"]) for r in ledger["requests"]) == [
        ("pairs", 3, 1),
        ("users", 1, 1),
    ]


def test_the_same_request_twice_counts_once(run, unlearn, capsys):
    assert unlearn(PAIRS, "user,item", "later=true") == 0 and unlearn(PAIRS, "user,item", "later=true") == 0
    assert len(list((run / "requests").glob("*.json"))) == 1
    assert unlearn(None) == 0
    once = contents(run / "current")
    assert unlearn(PAIRS) == 2
    assert "3 of 3 pairs matched nothing in the data of the run" in capsys.readouterr().err
    assert unlearn(PAIRS, "user,item", "missing=ignore") == 0
    assert "nothing is left to forget" in capsys.readouterr().out
    assert contents(run / "current") == once and (run / "current").resolve().name == "1"


def test_rows_that_are_not_there_are_refused_or_passed_over(run, unlearn, capsys):
    before = contents(run / "current")
    assert unlearn([*PAIRS, ("u0", "999"), ("nobody", "1000")]) == 2
    assert "2 of 5 pairs matched nothing in the data of the run, such as nobody,1000; u0,999" in capsys.readouterr().err
    assert contents(run / "current") == before and not list((run / "requests").glob("*"))
    assert unlearn([*PAIRS, ("u0", "999")], "user,item", "missing=ignore") == 0
    assert contents(run / "current") != before


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "is empty: nothing to forget"),
        ("user,item\n", "has a header and no rows"),
        ("u0,1000\n", "has the columns u0, 1000. Its first line must be user,item"),
        ("user,item,rating\nu0,1000,5\n", "has the columns user, item, rating"),
        ("user,item\nu0,\n", "line 2: an id is missing"),
        ("user\nu0\n bob \n", "line 3: ' bob ' begins or ends with white space"),
        ("user,item\nu7, 1003\n", "line 2: ' 1003' begins or ends with white space"),
        ("user\nu7,u14\nu0,u5\n", "line 2: 2 fields (u7,u14) under the 1 of the header user"),
        ("user,item\n\nu7,1003\n5,u7,1003\n", "line 4: 3 fields (5,u7,1003) under the 2 of the header user,item"),
        ("user,item\nu7\n", "line 2: 1 fields (u7) under the 2"),
        ('user,item\nu7,"1003\n', "cannot be read as CSV: unexpected end of data"),
        ("user,item\nu7,1003\0\n", "cannot be read as CSV: line contains NUL"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(run, tmp_path, text, part, capsys):
    before, file = contents(run / "current"), tmp_path / "bad.csv"
    file.write_text(text)
    assert recsys("unlearn", f"run={run}", f"forget={file}", "device=cpu") == 2
    message = capsys.readouterr().err
    assert part in message and message.count("\n") == 1
    assert contents(run / "current") == before and not list((run / "requests").glob("*"))


def test_columns_may_stand_in_any_order(tmp_path):
    assert read_rows(write_pairs(tmp_path / "f.csv", [("7", "b"), ("7", "a"), ("7", "b")], "item,user")) == (
        "pairs",
        [("a", "7"), ("b", "7")],
    )


def test_how_programs_write_csv(tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes('\ufeffuser, item\r\n7,"a, b"\r\n\r\n'.encode())
    assert read_rows(file) == ("pairs", [("7", "a, b")])


@pytest.mark.parametrize(
    "rows, header, part",
    [
        (sorted({(u,) for u, _ in TRAIN}), "user", "no training data at all"),
        (TEST, "user,item", "no test pairs to evaluate on"),
    ],
)
def test_requests_that_leave_nothing_are_refused(run, unlearn, rows, header, part, capsys):
    assert unlearn(rows, header) == 2
    assert part in capsys.readouterr().err
    assert (run / "current").resolve().name == "0" and not list((run / "requests").glob("*"))


def test_a_plan_is_reported_and_has_nothing_to_verify(run, unlearn, tmp_path, capsys):
    report = tmp_path / "plan.json"
    assert unlearn([(USER,)], "user", "plan=true", f"report={report}") == 0
    facts = json.loads(report.read_text())
    assert len(facts["shards_to_train"]) == 1 and facts["training_pairs"] > 0 and facts["asked"]["matched"] == 1
    for word in ("plan=true", "later=true"):
        assert unlearn([(USER,)], "user", word, "verify=true") == 2
        assert word in capsys.readouterr().err and not list((run / "requests").glob("*"))


def test_a_plan_changes_nothing(run, unlearn, capsys):
    before = {str(file): file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert unlearn([(USER,)], "user", "plan=true", "audit=true") == 0
    assert "full retraining" not in capsys.readouterr().out, "of a user who is gone there is nothing to test"
    assert unlearn(PAIRS, "user,item", "plan=true", "audit=true") == 0
    # Two seconds for each of three shards, as made up, and what the aggregation took.
    assert re.search(r"adds a full retraining of all shards: about [67]\.\d s", capsys.readouterr().out)
    assert unlearn([(USER,)], "user", "plan=true") == 0
    out = capsys.readouterr().out
    assert "touch 1 of 3 shards" in out and "about 2.0 s for the shards" in out
    assert {str(file): file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_pending_requests_can_be_dropped(run, unlearn, capsys):
    assert unlearn(PAIRS, "user,item", "later=true") == 0
    assert unlearn(None, "", "discard=true") == 0
    assert "pending requests discarded: 1" in capsys.readouterr().out
    assert not list((run / "requests").glob("*"))
    assert unlearn(None) == 2 and "no requests are pending" in capsys.readouterr().err


def test_the_ledger_knows_requests_but_no_rows(run, unlearn, tmp_path, capsys):
    assert unlearn([(USER,)], "user") == 0
    receipt = capsys.readouterr().out.split("receipt ")[1].split(":")[0]
    whole = (run / "ledger.json").read_text()
    assert USER not in whole and receipt not in whole
    words = ["unlearn", f"run={run}", "device=cpu", f"forget={tmp_path / 'forget.csv'}"]
    assert recsys(*words, f"receipt={receipt}") == 0
    assert "the request of this receipt was carried out (on 2" in capsys.readouterr().out
    assert recsys(*words, "receipt=" + "0" * 32) == 1
    assert "FAILED  the request of this receipt was carried out" in capsys.readouterr().out


def test_runs_that_cannot_forget_say_why(tmp_path, quick, capsys):
    (tmp_path / "plain").mkdir()
    plain = compose("train", ["model=bpr", "data=beibei"], library())
    (tmp_path / "plain" / "config.yaml").write_text(OmegaConf.to_yaml(plain))
    words = ["unlearn", "forget=x.csv", "device=cpu"]
    assert recsys(*words, f"run={tmp_path / 'plain'}") == 2
    assert "train it with recsys train unlearning=receraser model=bpr data=beibei" in capsys.readouterr().err
    assert recsys(*words, f"run={tmp_path}") == 2
    assert "is not a run directory" in capsys.readouterr().err
    run = train_run(tmp_path, *QUICK)
    (run / "current").unlink()
    assert recsys(*words, f"run={run}") == 2
    assert f"recsys train resume={run}" in capsys.readouterr().err


def test_a_run_in_use_is_left_alone(run, unlearn, capsys):
    from recsys_cli.runs.directory import Run

    held = Run.open(run)
    assert unlearn(PAIRS) == 2
    assert "is in use by another process" in capsys.readouterr().err
    del held
