"""The one iterator over finished runs, which tables and figures read."""

from __future__ import annotations

import json
import shutil

import pytest

from data_prep.errors import UserError
from recsys_cli.runs.directory import state_folder
from recsys_cli.runs.finished import finished


@pytest.fixture
def folder(trained, tmp_path):
    """Two finished runs, one that is not finished, and what is no run."""
    folder = tmp_path / "all"
    for name in ("b", "a", "c"):
        shutil.copytree(trained, folder / name)
    (folder / "c" / "record.json").write_text('{"status": "interrupted"}')
    (folder / "notes").mkdir()
    (folder / "test.json").write_text("{}")
    return folder


def test_finished_runs_come_in_order_with_config_record_and_result(folder):
    found = list(finished([folder]))
    assert [run.path.name for run in found] == ["a", "b"]
    assert found[0].config.trainer.epochs == 4 and found[0].record["epoch"] == 4
    assert found[0].result == json.loads((folder / "a" / "test.json").read_text())


def test_a_folder_named_twice_gives_its_runs_once(folder):
    assert len(list(finished([folder, folder]))) == 2


def test_results_of_evaluate_go_by_their_names(recsys, folder):
    assert recsys("evaluate", f"run={folder / 'b'}", "name=short", "evaluation.k=[1]").code == 0
    (run,) = finished([folder], "short")
    assert run.path.name == "b" and "NDCG@1" in run.result["metrics"]


@pytest.mark.parametrize("content", ["", "[]", '{"metrics": 1}', '{"metrics": {"HR@1": 2}}', "\0"])
def test_a_damaged_result_is_named(folder, content):
    (folder / "a" / "test.json").write_text(content)
    with pytest.raises(UserError, match="a/test.json is damaged"):
        list(finished([folder]))


def test_the_result_of_a_run_that_can_forget_is_that_of_its_current_state(folder):
    run = folder / "a"
    (run / "generations" / "1").mkdir(parents=True)
    result = json.loads((run / "test.json").read_text()) | {"users": 3}
    (run / "generations" / "1" / "test.json").write_text(json.dumps(result))
    (run / "current").symlink_to("generations/1")
    assert next(finished([folder])).result["users"] == 3


@pytest.mark.parametrize("target", ["/", "..", "generations/../..", "generations/x", "elsewhere/1", "generations/1"])
def test_current_leads_to_a_state_of_the_run_and_nowhere_else(folder, tmp_path, target):
    run = folder / "a"
    (tmp_path / "outside").mkdir()
    (run / "generations").mkdir()
    (run / "generations" / "1").symlink_to(tmp_path / "outside")
    (run / "current").symlink_to(target)
    with pytest.raises(UserError, match="current leads to"):
        state_folder(run)
    (run / "current").unlink()
    (run / "current").mkdir()
    with pytest.raises(UserError, match="is no link"):
        state_folder(run)
