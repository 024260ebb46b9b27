"""Dispatch, exit codes, several runs, crashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from data_prep.errors import UserError


def test_the_command_gets_the_checked_config(recsys, train):
    seen = []
    train(lambda cfg: seen.append((cfg.seed, cfg.trainer.epochs)))
    assert recsys("train", "seed=4", "trainer.epochs=7").code == 0
    assert seen == [(4, 7)]


def test_exit_code_of_the_command_is_passed_on(recsys, train):
    train(lambda cfg: 5)
    assert recsys("train").code == 5


def test_user_errors_are_one_line_and_code_2(recsys, train):
    def fail(cfg):
        raise UserError("no file x.txt: put it there")

    train(fail)
    result = recsys("train")
    assert (result.code, result.err) == (2, "recsys: error: no file x.txt: put it there\n")


def test_interrupt_is_130(recsys, train):
    def interrupt(cfg):
        raise KeyboardInterrupt

    train(interrupt)
    result = recsys("train")
    assert (result.code, result.err) == (130, "recsys: interrupted\n")


def test_a_crash_is_one_line_and_a_log_in_a_temporary_file(recsys, train):
    train(lambda cfg: 1 / 0)
    result = recsys("train")
    first, second = result.err.splitlines()
    assert (result.code, first) == (1, "recsys: failed: ZeroDivisionError: division by zero")
    log = Path(second.removeprefix("recsys: the full report is in "))
    assert "Traceback" in log.read_text() and "1 / 0" in log.read_text()
    log.unlink()


def test_a_crash_is_logged_in_the_run_directory_once_the_command_has_set_it(recsys, train, tmp_path):
    def crash(cfg):
        cfg.run_dir = str(tmp_path)
        raise RuntimeError("out\nof memory")

    train(crash)
    assert str(tmp_path / "error.log") in recsys("train").err
    assert "RuntimeError" in (tmp_path / "error.log").read_text()


def test_the_traceback_is_shown_on_demand(recsys, train, tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_TRACEBACK", "1")
    train(lambda cfg: 1 / 0)
    assert "Traceback" in recsys("train", f"run_dir={tmp_path}").err


def test_an_empty_variable_counts_as_not_set(recsys, train, monkeypatch):
    for name in ("RECSYS_RAW_DIR", "RECSYS_CACHE_DIR", "RECSYS_CONFIG_DIR"):
        monkeypatch.setenv(name, "")
    seen = []
    train(lambda cfg: seen.append((cfg.data.raw_dir, cfg.data.cache_dir)))
    assert recsys("train").code == 0
    assert seen == [(None, "~/.cache/recsys")]


def words_of(recsys, *argv: str) -> list[tuple]:
    documents = recsys("train", "--multirun", *argv, "--cfg", "job").out.split("---\n")
    return [(cfg["model"]["name"], cfg["seed"], cfg["optimizer"]["name"]) for cfg in map(yaml.safe_load, documents)]


def test_multirun_takes_every_combination_in_order(recsys):
    found = [(model, seed) for model, seed, _ in words_of(recsys, "model=enmf,bpr", "seed=range(0,2)")]
    assert found == [("enmf", 0), ("enmf", 1), ("bpr", 0), ("bpr", 1)]


def test_multirun_understands_glob(recsys):
    assert [name for *_, name in words_of(recsys, "optimizer=glob(ada*)")] == ["adagrad", "adam"]


def test_multirun_checks_all_jobs_before_the_first(refused):
    assert "received -1" in refused("train", "--multirun", "seed=0,1,-1")


def test_jobs_do_not_write_over_each_other(refused):
    assert "run_dir=x: 2 jobs would write there" in refused("train", "--multirun", "seed=0,1", "run_dir=x")
    assert "output=recommendations.csv: 2 jobs" in refused("recommend", "--multirun", "run=x", "k=5,10")


def test_configs_of_all_jobs_can_be_printed(recsys):
    documents = recsys("train", "--multirun", "seed=0,1", "--cfg", "job").out.split("---\n")
    assert ["seed: 0\n" in documents[0], "seed: 1\n" in documents[1], len(documents)] == [True, True, 2]


@pytest.mark.parametrize("words", [["--cfg", "job"], ["--help"], ["trainer.epoch=3"]])
def test_nothing_heavy_is_imported_and_nothing_is_written(words, tmp_path):
    code = (
        "import sys; from recsys_cli.cli import main; main(sys.argv[1:]); "
        "print(*{'tensorflow', 'pandas', 'numpy'} & set(sys.modules), file=sys.stderr)"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, "train", *words]
    result = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=60
    )
    assert result.stderr.splitlines()[-1] == ""
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_no_failure(tmp_path):
    root = Path(__file__).resolve().parents[2]
    command = f"'{sys.executable}' -m recsys_cli.cli train --cfg job | true; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("0\n", "")
