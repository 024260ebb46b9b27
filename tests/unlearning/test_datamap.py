"""Every place that comes from the people of a run is named, and every request stands in the register."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from recsys_cli.datamap.inside import inside
from recsys_cli.datamap.places import LEARNT, NOTHING, ROWS, UNKNOWN, VALUES
from recsys_cli.datamap.register import DAMAGED, DONE, LATE, OVERDUE, PENDING, register
from recsys_cli.unlearning.ledger import read_ledger
from tests.unlearning.conftest import PAIRS
from tests.unlearning.harness import contents, log, recsys, write_pairs


def places(run, tmp_path, capsys, *words) -> tuple[int, dict[str, dict[str, str]]]:
    out = tmp_path / "map.csv"
    code = recsys("unlearn", "map", f"run={run}", f"out={out}", *words)
    capsys.readouterr()
    return code, {row["path"]: row for row in csv.DictReader(out.read_text().splitlines())}


def test_every_file_of_a_run_is_known_by_what_it_is(forgotten):
    """A file that this program writes and the map does not know would be called foreign."""
    found = {
        str(place.path.relative_to(forgotten)): place for place in inside(forgotten, read_ledger(forgotten / "current"))
    }
    files = {
        str(file.relative_to(forgotten)) for file in forgotten.rglob("*") if file.is_file() and not file.is_symlink()
    }
    assert files - found.keys() <= {name for name in files if name.startswith("current/")}
    assert not [name for name, place in found.items() if place.holds == UNKNOWN]
    state = f"generations/{read_ledger(forgotten / 'current')['generation']}"
    assert found[f"{state}/rows/data/user_ids.npy"].holds == ROWS
    assert (
        found[f"{state}/shards/0/vectors.npz"].holds == LEARNT
        and "trained again" in found[f"{state}/shards/0/vectors.npz"].done
    )
    assert found[f"{state}/test_per_user.npz"].holds == VALUES and found[f"{state}/ledger.json"].holds == NOTHING
    assert datetime.now().strftime("%Y") in found[f"{state}/rows/data/user_ids.npy"].done, "when it was last done"


def test_what_does_not_belong_there_is_named(forgotten):
    (forgotten / "notes.txt").write_text("u1 called")
    os.symlink("/etc/hostname", forgotten / "generations" / "link")
    (forgotten / "generations" / "0").mkdir(exist_ok=True)
    (forgotten / "generations" / "0" / "test.json").write_text("{}")
    found = {place.path.name: place for place in inside(forgotten, read_ledger(forgotten / "current"))}
    assert found["notes.txt"].holds == found["link"].holds == UNKNOWN
    stale = [p for p in inside(forgotten, read_ledger(forgotten / "current")) if "generations/0/" in str(p.path)]
    assert "not the current" in stale[0].what


def test_a_run_that_cannot_forget_says_so(forgotten):
    (forgotten / "checkpoints").mkdir()
    (forgotten / "checkpoints" / "epoch-000001.npz").write_bytes(b"")
    found = {place.path.name: place for place in inside(forgotten, None)}
    assert "cannot forget" in found["epoch-000001.npz"].done


def test_places_outside_are_found_and_searched(forgotten, made_run, tmp_path, capsys):
    user, item = PAIRS[0]
    around = tmp_path / "around"
    around.mkdir()
    write_pairs(around / "recommendations.csv", [(user, "1", item, "0.5")], "user,rank,item,score")
    write_pairs(around / "others.csv", [("nobody", "1", item, "0.5")], "user,rank,item,score")
    (around / "plain.csv").write_text("a,b\n1,2\n")
    np.savez(around / "vectors.npz", user_ids=np.array([user]), item_ids=np.array([item]))
    (around / "streamed").mkdir()
    (around / "streamed" / "stream.json").write_text(json.dumps({"runs": {str(forgotten.resolve()): "x"}}))
    (around / "foreign").mkdir()
    (around / "foreign" / "stream.json").write_text(json.dumps({"runs": {"/elsewhere": "x"}}))
    (around / "two").mkdir()
    (around / "two" / "config.yaml").write_text((forgotten / "config.yaml").read_text())
    (around / "two" / "record.json").write_text((forgotten / "record.json").read_text())
    before = contents(forgotten)
    asked = write_pairs(tmp_path / "forget.csv", PAIRS)
    code, found = places(forgotten, tmp_path, capsys, f"forget={asked}", f"folders=[{around}]")
    assert code == 1 and contents(forgotten) == before
    named = {path: row["named"] for path, row in found.items()}
    assert named[str(around / "recommendations.csv")] == "YES" and named[str(around / "others.csv")] == "no"
    assert named[str(around / "vectors.npz")] == "not looked up" and str(around / "plain.csv") not in named
    assert "stream of requests" in found[str(around / "streamed")]["what"] and str(around / "foreign") not in named
    assert found[str(around / "two")]["what"] == "another run on the same data"
    rows = next(path for path in named if path.endswith("rows/data/user_ids.npy"))
    assert named[rows] == "no", "they were forgotten here"
    data = made_run.parent
    assert (named[str(data / "train.csv")], named[str(data / "test.csv")]) == ("YES", "no")
    prepared = [row["named"] for row in found.values() if "prepared copy" in row["what"]]
    assert prepared == ["YES"]
    still = write_pairs(tmp_path / "still.csv", [(user,)], "user")
    code, found = places(forgotten, tmp_path, capsys, f"forget={still}", f"folders=[{around}]")
    assert found[rows]["named"] == found[str(around / "vectors.npz")]["named"] == "YES", (
        "other pairs of the user are there"
    )


@pytest.fixture
def asked(forgotten, tmp_path):
    """The run with one request carried out and one pending."""
    more = write_pairs(tmp_path / "later.csv", [log()[0][-1]])
    assert recsys("unlearn", f"run={forgotten}", f"forget={more}", "later=true", "device=cpu") == 0
    return forgotten


def test_requests_stand_in_the_register_with_their_outcome(asked, tmp_path, capsys):
    now = datetime.now(timezone.utc)

    def outcomes(days, at):
        return [entry.outcome for entry in register([asked], days, at)]

    assert outcomes(30, now) == [DONE, PENDING] and outcomes(30, now + timedelta(days=31)) == [DONE, OVERDUE]
    entries = register([asked], 30, now)
    assert (entries[0].what, entries[0].rows, entries[0].training_pairs) == ("pairs", len(PAIRS), len(PAIRS))
    assert entries[0].commitment and entries[0].state == "1" and not entries[1].carried_out
    assert recsys("unlearn", "requests", f"run={asked.parent}", f"out={tmp_path / 'r.csv'}") == 0
    assert "pending" in capsys.readouterr().out
    assert [row["outcome"] for row in csv.DictReader((tmp_path / "r.csv").read_text().splitlines())] == [DONE, PENDING]
    shown = json.dumps([list(map(str, entry)) for entry in entries])
    assert not any(user in shown for user, _ in PAIRS), "no row of a request stands in it"
    next((asked / "requests").glob("*.json")).write_text("{}")
    assert recsys("unlearn", "requests", f"run={asked}") == 1 and DAMAGED in capsys.readouterr().out


def test_what_was_carried_out_too_late_stays_known(forgotten, monkeypatch):
    from recsys_cli.datamap import register as module

    late = read_ledger(forgotten / "current")
    late["requests"][0]["asked"] = "2020-01-01T00:00:00+0000"
    monkeypatch.setattr(module, "read_ledger", lambda path: late)
    assert [entry.outcome for entry in register([forgotten], 30, datetime.now(timezone.utc))] == [LATE]


def test_a_run_that_cannot_forget_has_no_register(tmp_path, capsys):
    assert recsys("unlearn", "requests", f"run={tmp_path}") == 2
    assert "holds no run directory" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", ["map", "requests"])
def test_a_newcomer_reads_nothing_but_our_sentence(command, tmp_path):
    own = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    words = [sys.executable, "-m", "recsys_cli", command, f"run={tmp_path / 'nowhere'}"]
    done = subprocess.run(words, capture_output=True, text=True, env=own)
    assert done.returncode == 2 and done.stderr.startswith("recsys: error: ") and done.stderr.count("\n") == 1
