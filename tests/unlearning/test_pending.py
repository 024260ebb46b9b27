"""Pending requests: damage and forgery are refused in a sentence, and never carried out as nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat

import pytest

from recsys_cli.unlearning import requests
from recsys_cli.unlearning.matching import Match
from recsys_cli.unlearning.requests import Request, keep_pending, new_request, read_request
from tests.unlearning.harness import contents, log, recsys, write_pairs

TRAIN, _ = log()
USER, OTHER = TRAIN[10][0], TRAIN[30][0]


@pytest.fixture
def unlearn(run, tmp_path):
    def call(user, *words):
        forget = [] if user is None else [f"forget={write_pairs(tmp_path / f'{user}.csv', [(user,)], 'user')}"]
        return recsys("unlearn", f"run={run}", *forget, "device=cpu", *words)

    return call


def the_file(run):
    (file,) = (run / "requests").glob("*.json")
    return file


def forged(run, request: Request, **changes) -> None:
    """As somebody would write it who knows the program."""
    keep_pending(run, request._replace(**changes))


def test_every_flipped_bit_is_seen(tmp_path):
    request, _ = new_request(Match("users", [("carol",)], [], []), 3, 1)
    keep_pending(tmp_path, request)
    file = the_file(tmp_path)
    whole = file.read_bytes()
    assert read_request(file) == request
    for place in range(len(whole)):
        for bit in range(8):
            torn = bytearray(whole)
            torn[place] ^= 1 << bit
            file.write_bytes(torn)
            with pytest.raises(requests.UserError, match=f"{file.name} is damaged"):
                read_request(file)


def test_a_damaged_request_changes_nothing(run, unlearn, capsys):
    assert unlearn(USER, "later=true") == 0
    file, before = the_file(run), contents(run / "current")
    file.write_text(file.read_text().replace(f'"{USER}"', '"u99"'))
    assert unlearn(None) == 2
    message = capsys.readouterr().err
    assert "is damaged" in message and message.count("\n") == 1
    assert file.exists() and contents(run / "current") == before


def test_it_is_for_the_owner_alone_and_lasts_before_its_receipt_is_shown(run, unlearn, monkeypatch, capsys):
    synced = []
    real = requests.sync_folder
    monkeypatch.setattr(requests, "sync_folder", lambda folder: synced.append(folder) or real(folder))
    monkeypatch.setattr("builtins.print", lambda *texts, **more: synced.append(" ".join(map(str, texts))))
    os.umask(before := os.umask(0))
    assert unlearn(USER, "later=true") == 0
    assert os.umask(before) == before
    assert stat.S_IMODE(the_file(run).stat().st_mode) == 0o600
    assert stat.S_IMODE(the_file(run).parent.stat().st_mode) == 0o700
    shown = next(n for n, what in enumerate(synced) if str(what).startswith("receipt "))
    assert {run / "requests", run} <= set(synced[:shown])


def test_a_request_must_find_what_it_was_promised(run, unlearn, capsys):
    assert unlearn(USER, "later=true") == 0
    request = read_request(the_file(run))
    assert request.training_pairs == sum(u == USER for u, _ in TRAIN) and request.held_out_pairs == 1
    forged(run, request, rows=[("nobody",)])
    before = contents(run / "current")
    assert unlearn(None) == 2
    assert "pairs and 1 held-out pairs, and finds 0 and 0 now" in capsys.readouterr().err
    assert contents(run / "current") == before and the_file(run).exists()


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("same_id", [False, True])
def test_a_commitment_is_borrowed_in_vain(run, unlearn, tmp_path, carried_out, same_id, capsys):
    assert unlearn(USER, "later=true") == 0
    request = read_request(the_file(run))
    if carried_out:
        assert unlearn(None) == 0
    elif same_id:
        return  # it would be the same file
    n_pairs = sum(u == OTHER for u, _ in TRAIN)
    changes = {"rows": [(OTHER,)], "training_pairs": n_pairs} | ({} if same_id else {"id": "0" * 16})
    forged(run, request, **changes)
    entries = json.loads((run / "ledger.json").read_text())["requests"]
    before = contents(run / "current")
    assert unlearn(None) == 2
    assert "bears the commitment of another request" in capsys.readouterr().err
    assert json.loads((run / "ledger.json").read_text())["requests"] == entries
    assert contents(run / "current") == before and list(run.glob("requests/*.json"))


def test_a_request_left_behind_is_dropped_only_where_its_rows_are_gone(run, unlearn, tmp_path, capsys):
    """The very file, put back after it was carried out; and one that has the same counts for another user."""
    assert unlearn(USER, "later=true") == 0
    request = read_request(the_file(run))
    shutil.copytree(run / "requests", tmp_path / "kept")
    assert unlearn(None) == 0
    shutil.copytree(tmp_path / "kept", run / "requests", dirs_exist_ok=True)
    assert unlearn(None) == 0 and not list(run.glob("requests/*.json"))
    forged(run, request, rows=[(OTHER,)])
    assert unlearn(None) == 2 and list(run.glob("requests/*.json"))
