"""What cannot be carried out is refused before anything changes; what was carried out can be checked later."""

from __future__ import annotations

import json
import shutil
import signal

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load, save
from recsys_cli.training.fit import Stopped
from recsys_cli.unlearning import compare
from recsys_cli.unlearning.generation import Rows
from tests.unlearning.conftest import QUICK
from tests.unlearning.harness import contents, differing, from_scratch, log, recsys, train_run, write_pairs

TRAIN, TEST = log()
PAIRS, OTHERS = TRAIN[3:6], TRAIN[30:32]


@pytest.fixture
def unlearn(run, tmp_path):
    """unlearn(rows or None, words...) -> exit code"""

    def call(rows, *words, header="user,item", of=run):
        forget = [] if rows is None else [f"forget={write_pairs(tmp_path / 'f.csv', rows, header)}"]
        return recsys("unlearn", f"run={of}", *forget, "device=cpu", *words)

    return call


def asked(run) -> list:
    return sorted((run / "requests").glob("*.json"))


def test_vectors_that_the_ledger_does_not_name_are_not_taken_over(run, unlearn, tmp_path, capsys):
    rows = Rows.read(run / "current")
    user = rows.dataset.user_ids[rows.pairs.rows[rows.assignment == 0][0]]
    path = run / "current" / "shards" / "1" / "vectors.npz"
    save(path, {name: array + np.float32(0.5) for name, array in load(path).arrays.items()}, {})
    before = contents(run / "current")
    assert unlearn([(user,)], header="user") == 2
    message = capsys.readouterr().err
    assert "shards/1/vectors.npz is to be kept, but it is not the file" in message and message.count("\n") == 1
    assert contents(run / "current") == before and not asked(run)
    assert unlearn([(user,)], "repartition=true", header="user") == 0
    scratch = from_scratch(run, rows, tmp_path / "scratch", users=[user], repartition=True)
    assert differing(contents(run / "current"), scratch) == []


def test_shards_shared_out_anew_are_all_trained(run, unlearn, capsys):
    """Also where the new partition is the old one."""
    assert unlearn(None, "repartition=true") == 0
    assert "shards trained again: 3 of 3" in capsys.readouterr().out


def test_items_too_few_for_the_cut_offs_are_refused(quick, unlearn, tmp_path, capsys):
    run = train_run(tmp_path, *QUICK, "evaluation.k=[3,12]", name="twelve")
    assert unlearn([(TRAIN[0][1],)], header="item", of=run) == 2
    assert "would leave 11 items, fewer than the cut-off 12" in capsys.readouterr().err
    assert (run / "current").resolve().name == "0" and not asked(run)
    assert unlearn(PAIRS, of=run) == 0


@pytest.mark.parametrize("place", ["nowhere/report.json", "folder.json"])
def test_a_report_that_cannot_be_written_is_refused_beforehand(run, unlearn, tmp_path, place, capsys):
    (tmp_path / "folder.json").mkdir()
    assert unlearn(PAIRS, f"report={tmp_path / place}") == 2
    assert "cannot be written, nothing changed" in capsys.readouterr().err
    assert (run / "current").resolve().name == "0" and not asked(run)


def test_a_damaged_result_keeps_nobody_from_forgetting(run, unlearn, capsys):
    (run / "test.json").resolve().write_text("{}")
    assert unlearn(PAIRS) == 0
    assert "nan" in capsys.readouterr().out


def test_a_damaged_request_is_named(run, unlearn, capsys):
    (run / "requests").mkdir(exist_ok=True)
    (run / "requests" / "0.json").write_text('{"id": "0", "kin')
    assert unlearn(PAIRS) == 2
    assert "requests/0.json is damaged" in capsys.readouterr().err and (run / "current").resolve().name == "0"
    assert unlearn(PAIRS, "discard=true") == 0 and not asked(run)


def test_only_the_request_that_was_cut_off_may_be_repeated(run, unlearn, tmp_path):
    """The call that carried it out died before it could remove its file."""
    assert unlearn(PAIRS, "later=true") == 0
    shutil.copytree(run / "requests", tmp_path / "kept")
    assert unlearn(None) == 0
    for rows, code in ((PAIRS[:1], 2), (PAIRS, 0), (PAIRS, 2)):
        if code == 0 or rows != PAIRS:
            shutil.copytree(tmp_path / "kept", run / "requests", dirs_exist_ok=True)
        assert unlearn(rows) == code and not asked(run)


@pytest.mark.parametrize("words, code", [([], 1), (["missing=ignore"], 0)])
def test_what_is_gone_is_no_proof_without_its_receipt(run, unlearn, words, code, capsys):
    assert unlearn(PAIRS) == 0
    receipt = "receipt=" + capsys.readouterr().out.split("receipt ")[1].split(":")[0]
    assert unlearn(OTHERS, "later=true") == 0
    capsys.readouterr()
    assert unlearn(PAIRS, "verify=true", *words) == code
    out = capsys.readouterr().out
    assert "3 of 3 pairs matched nothing" in out and "without the receipt of the request" in out
    assert ("all checks passed" in out) == (code == 0)
    assert "(1 pending: recsys unlearn" in out and len(asked(run)) == 1
    assert unlearn(PAIRS, receipt) == 0
    out = capsys.readouterr().out
    assert "any of the 3 pairs asked for" in out and "all checks passed" in out
    (run / "record.json").write_text(json.dumps({"status": " ".join(PAIRS[0])}))
    assert unlearn(PAIRS, receipt) == 1
    assert "pairs asked for: found in" in capsys.readouterr().out


def test_requests_carried_out_together_are_looked_for_together(run, unlearn, capsys):
    """With the rows of the file that had gone before."""
    assert unlearn(PAIRS) == 0 and unlearn(OTHERS, "later=true") == 0
    (run / "record.json").write_text(json.dumps({"status": " ".join(PAIRS[0])}))
    capsys.readouterr()
    unlearn([*PAIRS, TEST[2]], "missing=ignore", "verify=true")
    found = [line for line in capsys.readouterr().out.splitlines() if "pairs asked for" in line]
    assert len(found) == 1 and "any of the 6 pairs" in found[0]


def test_what_is_trained_to_compare_lies_in_the_run_and_a_stop_leaves_it_whole(run, unlearn, monkeypatch, capsys):
    places = []

    def stopped(learner, checkpoints, *more):
        places.append(checkpoints.parent)
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(compare, "fit", stopped)
    assert unlearn(PAIRS, "compare=retrain") == 128 + signal.SIGTERM
    assert places == [run / "verifying"] and not (run / "verifying").exists()
    assert "what was said above to be done is done" in capsys.readouterr().out
    assert (run / "current").resolve().name == "1" and not asked(run)


def test_requests_are_dropped_only_when_the_new_one_is_taken(run, unlearn, tmp_path, capsys):
    assert unlearn(OTHERS, "later=true") == 0
    before = asked(run)
    assert unlearn([("nobody", "1000")], "discard=true") == 2 and asked(run) == before
    assert unlearn(PAIRS, "discard=true", "plan=true") == 0 and asked(run) == before
    assert "1 pending request:" in capsys.readouterr().out
    assert unlearn(None, "discard=true", "plan=true") == 0 and asked(run) == before
    assert unlearn(sorted({(u,) for u, _ in TRAIN}), "discard=true", header="user") == 2 and asked(run) == before
    assert unlearn(PAIRS, "discard=true") == 0 and not asked(run)
    assert [r["rows"] for r in json.loads((run / "ledger.json").read_text())["requests"]] == [len(PAIRS)]
