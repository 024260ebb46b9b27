"""Combinations that make no sense are refused before any data is read."""

from __future__ import annotations

import pytest

PAIRWISE = {"model/pairs.yaml": "name: pairs\nkind: pairwise\n"}
VALIDATED = {"data/held_out.yaml": "name: held_out\nsource: csv\nvalidation: leave_one_out\n"}


def test_closed_form_models_take_no_loss(refused):
    assert "computed without a loss: leave out loss" in refused("train", "model=popularity", "loss=bpr")


def test_pairwise_models_name_the_losses_they_take(refused, own_configs):
    message = refused("train", "--config-dir", own_configs(PAIRWISE), "model=pairs")
    assert "model=pairs" in message and "loss=bpr" in message and "or loss=non_sampling" not in message


def test_pairwise_models_with_a_sampled_loss_pass(config, own_configs):
    cfg = config("train", "--config-dir", own_configs(PAIRWISE), "model=pairs", "loss=bpr")
    assert (cfg["model"]["name"], cfg["loss"]["name"]) == ("pairs", "bpr")


@pytest.mark.parametrize("word", ["evaluation.select=best_validation", "trainer.early_stopping=3"])
def test_selection_needs_validation(refused, config, own_configs, word):
    message = refused("train", word, "data.validation=none")
    assert word.partition("=")[0] in message and "data.validation=" in message
    assert config("train", "--config-dir", own_configs(VALIDATED), "data=held_out", word)


def test_monitor_must_be_computed(refused, config):
    assert "trainer.monitor=NDCG@7 is not computed" in refused("train", "trainer.monitor=NDCG@7")
    assert "trainer.monitor=MRR@10 is not computed" in refused("train", "trainer.monitor=MRR@10")
    assert config("train", "trainer.monitor=NDCG@7", "evaluation.k=[7]")


def test_resume_changes_nothing_but_epochs_and_device(refused):
    message = refused("train", "resume=runs/x", "trainer.batch_size=8", "model=bpr")
    assert "model, trainer.batch_size cannot be set; only trainer.epochs and device can" in message


def test_resume_needs_the_directory_of_a_run(refused, tmp_path):
    assert f"{tmp_path} is not a run directory: it has no config.yaml" in refused("train", f"resume={tmp_path}")


def test_resume_continues_with_the_config_of_the_run(recsys, config, tmp_path):
    first = recsys("train", "model=bpr", "seed=7", "trainer.epochs=3", "--cfg", "job")
    (tmp_path / "config.yaml").write_text(first.out)
    resumed = config("train", f"resume={tmp_path}", "trainer.epochs=6", "device=cpu")
    assert (resumed["model"]["name"], resumed["seed"], resumed["resume"]) == ("bpr", 7, str(tmp_path))
    assert (resumed["trainer"]["epochs"], resumed["device"]["kind"]) == (6, "cpu")
    assert config("train", f"resume={tmp_path}")["trainer"]["epochs"] == 3
