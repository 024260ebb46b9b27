"""A multirun that is repeated does only what is not there yet, and tells what every job came to."""

from __future__ import annotations

import json
import re

import pytest

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.jobs.found import Found
from recsys_cli.jobs.identity import JOB_HASH, can_be_found, job_hash
from tests.commands.conftest import TINY, record_of

WORDS = [*(word for word in TINY if "epochs" not in word and "checkpoint" not in word), "trainer.epochs=1"]

pytestmark = pytest.mark.usefixtures("one_nursery")


def jobs(result) -> list[list[str]]:
    """Job, what differs and how it ended."""
    lines = result.out[result.out.rindex("what differs") :].splitlines()
    return [re.split(r"  +", line.strip())[:3] for line in lines if re.match(r" *\d", line)]


@pytest.mark.slow
def test_what_is_there_is_not_trained_again(recsys, tmp_path):
    words = [*WORDS, f"runs_dir={tmp_path / 'runs'}", f"data.cache_dir={tmp_path / 'cache'}"]
    first = recsys("train", "-m", "seed=0,1", *words)
    assert first.code == 0 and [status for *_, status in jobs(first)] == ["finished", "finished"]
    (run,) = [path for path in (tmp_path / "runs").iterdir() if record_of(path)["seed"] == 0]
    value = record_of(run)["best_validation"]["value"]
    table = first.out[first.out.rindex("what differs") :]
    assert "validation NDCG@5" in table and f"{value:.4f}" in table and str(run) in table
    assert "test" not in table.partition(str(tmp_path))[0], "nobody is to choose by the test split"

    again = recsys("train", "-m", "seed=0,1,2", *words, "device=cpu", "trainer.progress=false")
    assert again.code == 0 and [job[2] for job in jobs(again)] == ["already there", "already there", "finished"]
    assert f"[1/3]  already there  seed=0  validation NDCG@5 {value:.4f}  {run}\n" in again.out
    assert len(list((tmp_path / "runs").iterdir())) == 3

    def found(*more: str):
        return Found().finished(compose("train", ["seed=0", *words, *more], library("")))

    assert found() == run and found("model.dropout=0.1") is None
    assert found(f"run_dir={run}") == run and found(f"run_dir={tmp_path / 'other'}") is None
    before = (run / "record.json").read_text()
    for key, other in (
        ("bearing", "other"),
        ("status", "failed"),
        ("data_hash", "other"),
        (JOB_HASH, ""),
    ):
        (run / "record.json").write_text(json.dumps(json.loads(before) | {key: other}))
        assert found() is None, key
    (run / "record.json").write_text(before)
    (run / "test.json").rename(run / "kept")
    assert found() is None
    (run / "kept").rename(run / "test.json")
    assert recsys("train", f"resume={run}").code == 0 and found() == run
    assert recsys("train", f"resume={run}", "trainer.epochs=2").code == 0
    assert found() is None, "trained further, it is not what was asked for"


def test_a_model_whose_code_nobody_vouches_for_is_trained_again():
    own = compose("train", [], library(""))
    own.model._target_ = "mine.Model"
    assert not can_be_found(own) and can_be_found(compose("train", [], library("")))
    assert not can_be_found(compose("evaluate", ["run=x"], library("")))


def test_a_single_command_trains_again(recsys, tmp_path):
    words = [*WORDS, f"runs_dir={tmp_path / 'runs'}"]
    for _ in range(2):
        assert recsys("train", *words).code == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


@pytest.mark.parametrize("word", ["seed=1", "trainer.epochs=3", "data.seed=5", "evaluation.k=[5]", "loss=bpr"])
def test_every_setting_that_bears_on_the_result_makes_another_job(word):
    def of(*words):
        return job_hash(compose("train", list(words), library("")))

    assert of(word) != of()
    assert of("device=cpu", "device.threads=2", "tensorboard=false", "runs_dir=x", "trainer.progress=false") == of()


def test_a_job_that_cannot_be_keeps_the_others(recsys, tmp_path):
    words = [*WORDS, f"runs_dir={tmp_path / 'runs'}"]
    result = recsys("train", "-m", "model.embedding_size=8,1000000000", *[w for w in words if "embedding" not in w])
    assert result.code == 2 and [job[2] for job in jobs(result)] == ["finished", "failed"]
    assert "recsys: error: " in result.err and "model.embedding_size=1000000000" in result.err
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert max(map(len, result.out[result.out.rindex("what differs") :].splitlines()[:3])) <= 80


def test_jobs_of_other_commands_have_a_table_too(recsys, tmp_path):
    words = ["data.users=60", "data.items=40", "data.interactions=250", f"data.cache_dir={tmp_path}"]
    result = recsys("prepare", "-m", "jobs=2", "data.seed=0,1", *words)
    assert result.out.count("Data set synthetic, content") == 2, "what it prints is what it is for"
    assert result.code == 0 and [job[1:] for job in jobs(result)] == [
        ["data.seed=0", "finished"],
        ["data.seed=1", "finished"],
    ]


def test_jobs_at_a_time_are_a_setting_of_the_multirun_alone(refused, config):
    assert "add --multirun" in refused("train", "jobs=2")
    assert "received 'many' from 'jobs=many'" in refused("train", "-m", "jobs=many", "seed=0,1")
    assert "jobs: expected" in refused("train", "-m", "jobs=0", "seed=0,1")
    assert "jobs" not in config("train", "-m", "jobs=2", "seed=0")
