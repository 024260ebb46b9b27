"""The one reader of finished runs, and the one walk that finds runs."""

from __future__ import annotations

import json
import shutil

import pytest

from data_prep.errors import UserError
from recsys_cli.runs.directory import state_folder, state_number
from recsys_cli.runs.finished import finished
from recsys_cli.runs.found import named_runs, runs_below


@pytest.fixture
def folder(trained, tmp_path):
    """Two finished runs, one that is not finished, and what is no run."""
    folder = tmp_path / "all"
    for name in ("b", "deep/a", "c"):
        shutil.copytree(trained, folder / name)
    (folder / "c" / "record.json").write_text('{"status": "interrupted"}')
    (folder / "notes").mkdir()
    (folder / "test.json").write_text("{}")
    return folder


def test_runs_are_found_in_order_at_any_depth_and_not_through_links_or_in_runs_or_hidden_folders(folder, tmp_path):
    shutil.copytree(folder / "b", folder / "b" / "inner")
    shutil.copytree(folder / "b", folder / ".hidden" / "d")
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(folder / "c", tmp_path / "elsewhere" / "e")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert [str(run.relative_to(folder)) for run in runs_below(folder)] == ["b", "c", "deep/a"]
    assert runs_below(folder / "b") == [folder / "b"]


def test_a_run_named_twice_is_one(folder):
    assert named_runs([folder / "c", folder, folder / "b"]) == [folder / "c", folder / "b", folder / "deep" / "a"]


def test_a_finished_run_comes_with_config_record_and_result(folder):
    run = finished(folder / "b")
    assert run.config.trainer.epochs == 4 and run.record["epoch"] == 4
    assert run.result == json.loads((folder / "b" / "test.json").read_text())


def test_who_has_no_result_is_told_how_to_get_one(folder):
    with pytest.raises(UserError, match=r"its training is: interrupted.*resume="):
        finished(folder / "c")
    with pytest.raises(UserError, match=r"no result later.json.*recsys evaluate run=.*name=later"):
        finished(folder / "b", "later")


def test_results_of_evaluate_go_by_their_names(recsys, folder):
    assert recsys("evaluate", f"run={folder / 'b'}", "name=short", "evaluation.k=[1]").code == 0
    assert "NDCG@1" in finished(folder / "b", "short").result["metrics"]


@pytest.mark.parametrize("content", ["", "[]", '{"metrics": 1}', '{"metrics": {"HR@1": 2}}', "\0"])
def test_a_damaged_result_is_named(folder, content):
    (folder / "b" / "test.json").write_text(content)
    with pytest.raises(UserError, match="b/test.json is damaged"):
        finished(folder / "b")


def test_the_result_of_a_run_that_can_forget_is_that_of_its_current_state(folder):
    run = folder / "b"
    (run / "generations" / "1").mkdir(parents=True)
    result = json.loads((run / "test.json").read_text()) | {"users": 3}
    (run / "generations" / "1" / "test.json").write_text(json.dumps(result))
    (run / "current").symlink_to("generations/1")
    assert finished(run).result["users"] == 3 and state_number(run) == 1


@pytest.mark.parametrize("target", ["/", "..", "generations/../..", "generations/x", "elsewhere/1", "generations/1"])
def test_current_leads_to_a_state_of_the_run_and_nowhere_else(folder, tmp_path, target):
    run = folder / "b"
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
