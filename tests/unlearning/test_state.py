"""What becomes part of a state, and what its record says."""

from __future__ import annotations

import json

import pytest

from data_prep.errors import UserError
from recsys_cli.unlearning.generation import Rows
from recsys_cli.unlearning.generations import Generations
from tests.unlearning.harness import log, recsys, write_pairs


def test_the_record_follows_a_new_partition_of_the_same_rows(run):
    assert recsys("unlearn", f"run={run}", "repartition=true", "device=cpu") == 0
    record, ledger = (json.loads((run / name).read_text()) for name in ("record.json", "ledger.json"))
    assert record["generation"] == ledger["generation"] == 1 and record["data_hash"] == ledger["data"]


def test_seconds_per_epoch_are_those_of_one_sub_model(run):
    record = json.loads((run / "record.json").read_text())
    assert record["training_seconds"] == 6.0, "three sub-models of one epoch of 2 s"
    assert record["seconds_per_epoch"] == 2.0


def test_what_nobody_vouches_for_does_not_enter_a_state(run, tmp_path):
    left = run / "generations" / "1.partial" / "shards" / "0" / "checkpoints" / "epoch-000001.npz"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    write_pairs(run / "generations" / "1.partial" / "a.csv", log()[0])
    forget = write_pairs(tmp_path / "f.csv", log()[0][3:6])
    assert recsys("unlearn", f"run={run}", f"forget={forget}", "verify=true", "device=cpu") == 0
    names = [file.name for file in (run / "current").resolve().rglob("*")]
    assert left.name not in names and "a.csv" not in names


def test_folders_of_other_origin_among_the_states_are_passed_over(run):
    (run / "generations" / "backup").mkdir()
    Generations(run).sweep(unfinished=True)
    assert (run / "generations" / "backup").exists()


def test_a_damaged_copy_of_the_data_is_not_to_be_deleted(run):
    path = run / "current" / "rows" / "data" / "user_ids.npy"
    path.write_bytes(b"x")
    with pytest.raises(UserError, match="user_ids.npy was changed or is damaged.*backup") as error:
        Rows.read(run / "current")
    assert "Delete" not in str(error.value)
