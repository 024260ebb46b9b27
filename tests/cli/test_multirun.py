"""A multirun that is repeated does only what is not there yet, and tells what every job came to."""

from __future__ import annotations

import json
import re

import pytest

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.multirun import job_hash
from tests.commands.conftest import TINY, record_of

WORDS = [*(word for word in TINY if "epochs" not in word and "checkpoint" not in word), "trainer.epochs=1"]


def jobs(result) -> list[list[str]]:
    """Job, what differs and how it ended."""
    lines = result.out[result.out.rindex("what differs") :].splitlines()
    return [re.split(r"  +", line.strip())[:3] for line in lines if re.match(r" *\d", line)]


def test_what_is_there_is_not_trained_again(recsys, tmp_path):
    words = [*WORDS, f"runs_dir={tmp_path / 'runs'}", f"data.cache_dir={tmp_path / 'cache'}"]
    first = recsys("train", "-m", "seed=0,1", *words)
    assert first.code == 0 and [status for *_, status in jobs(first)] == ["finished", "finished"]
    runs = sorted((tmp_path / "runs").iterdir())
    value = json.loads((runs[0] / "test.json").read_text())["metrics"]["NDCG@5"]["mean"]
    assert f"{value:.4f}" in first.out[first.out.rindex("test NDCG@5") :] and str(runs[0]) in first.out

    again = recsys("train", "-m", "seed=0,1,2", *words, "device=cpu", "trainer.progress=false")
    assert again.code == 0 and [job[2] for job in jobs(again)] == ["already there", "already there", "finished"]
    assert f"already there: {runs[0]}" in again.out and len(list((tmp_path / "runs").iterdir())) == 3

    # Not the same: other settings, a run that was trained further, other program code, one that did not finish, other data.
    assert [job[2] for job in jobs(recsys("train", "-m", "seed=0", "model.dropout=0.1,0.2", *words))] == [
        "finished"
    ] * 2
    assert recsys("train", f"resume={runs[0]}", "trainer.epochs=2").code == 0
    for place, key, wrong in (
        (1, "environment", {"code": "other"}),
        (2, "status", "failed"),
        (2, "data_hash", "other"),
    ):
        run = sorted((tmp_path / "runs").iterdir())[place]
        before = (run / "record.json").read_text()
        (run / "record.json").write_text(json.dumps(record_of(run) | {key: wrong}))
        result = recsys("train", "-m", f"seed={record_of(run)['seed']}", *words)
        (run / "record.json").write_text(before)
        assert [job[2] for job in jobs(result)] == ["finished"], (key, result.out)
    assert [job[2] for job in jobs(recsys("train", "-m", "seed=0", *words))] == ["finished"]


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
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert max(map(len, result.out[result.out.rindex("what differs") :].splitlines()[:3])) <= 80


def test_jobs_of_other_commands_have_a_table_too(recsys, tmp_path):
    words = ["data.users=60", "data.items=40", "data.interactions=250", f"data.cache_dir={tmp_path}"]
    result = recsys("prepare", "-m", "data.seed=0,1", *words)
    assert result.code == 0 and [job[1:] for job in jobs(result)] == [
        ["data.seed=0", "finished"],
        ["data.seed=1", "finished"],
    ]


def test_the_peak_of_a_job_is_its_own():
    import numpy as np

    from recsys_cli.training.run import peak_memory_mb, reset_peak_memory

    large = np.ones(60_000_000)
    with_it = peak_memory_mb()
    del large
    reset_peak_memory()
    assert peak_memory_mb() < with_it - 300
