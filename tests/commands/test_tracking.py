"""tracking=mlflow: a training in a local store of MLflow, where that is installed; off by default."""

from __future__ import annotations

import json

import pytest

from recsys_cli.training import tracking
from tests.commands.conftest import TINY, record_of

WORDS = [*(word for word in TINY if not word.startswith("trainer.epochs")), "tracking=mlflow"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    return mlflow.MlflowClient((tmp_path / "store").as_uri())


def the_runs(store):
    return store.search_runs([store.get_experiment_by_name("recsys").experiment_id])


def test_without_it_nothing_begins(recsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    result = recsys("train", *WORDS, f"run_dir={tmp_path / 'run'}")
    assert result.code == 2 and "pip install 'recsys[mlflow]'" in result.err and not (tmp_path / "run").exists()


def test_a_training_that_forgets_is_not_followed(recsys):
    result = recsys("train", "unlearning=sisa", "tracking=mlflow")
    assert result.code == 2 and "leave out one" in result.err


def test_parameters_epochs_result_and_files(recsys, store, tmp_path):
    run = tmp_path / "run"
    assert recsys("train", *WORDS, "trainer.epochs=2", f"run_dir={run}").code == 0
    assert recsys("train", f"resume={run}", "trainer.epochs=4").code == 0
    (found,) = the_runs(store)
    assert (
        found.info.status == "FINISHED"
        and found.info.run_name == "run"
        and record_of(run)["mlflow_run"] == found.info.run_id
    )
    assert found.data.params["model.embedding_size"] == "8" and found.data.params["seed"] == "0"
    losses = store.get_metric_history(found.info.run_id, "loss")
    written = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(metric.step, metric.value) for metric in losses] == list(enumerate(written, 1))
    means = json.loads((run / "test.json").read_text())["metrics"]
    assert found.data.metrics["test/HR_at_10"] == means["HR@10"]["mean"]
    files = {file.path for file in store.list_artifacts(found.info.run_id)}
    assert {"config.yaml", "record.json", "metrics.jsonl", "test.json", "test_per_user.npz"} <= files


@pytest.mark.parametrize("method", ["__init__", "log_batch"])
def test_a_store_that_fails_does_not_end_the_training(recsys, store, tmp_path, monkeypatch, method):
    from mlflow import MlflowClient

    def fails(*_, **__):
        raise OSError("the store is gone")

    monkeypatch.setattr(MlflowClient, method, fails)
    result = recsys("train", *WORDS, "trainer.epochs=1", f"run_dir={tmp_path / 'run'}")
    assert result.code == 0 and result.err.count("not tracked in MLflow any more: the store is gone") == 1


def test_what_is_tracked_is_the_same_run(config):
    from omegaconf import OmegaConf

    from recsys_cli.jobs.identity import job_hash
    from recsys_cli.runs.identity import config_hash

    plain, tracked = config("train"), config("train", "tracking=mlflow")
    assert plain["tracking"] == "none" and config_hash(plain) == config_hash(tracked)
    assert job_hash(OmegaConf.create(plain)) == job_hash(OmegaConf.create(tracked))
