"""Which value wins, and that every tuned file composes (all other choices: test_settings.py)."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library

TUNED = "# @package _global_\nmodel:\n  embedding_size: 16\nloss:\n  negative_weight: 0.7\n"


@pytest.mark.slow
@pytest.mark.parametrize("choice", library("").choices("tuned"))
def test_every_tuned_file_composes_where_it_applies(config, choice):
    model, loss, data = choice.split("-", 2)
    words = [f"model={model}", f"data={data}"] + ([] if loss == "none" else [f"loss={loss}"])
    composed = config("train", *words)
    tuned = dict(library("").load(f"tuned/{choice}"))
    for base in tuned.pop("defaults", []):
        tuned = {**library("").load(f"tuned/{base}"), **tuned}
    for group, values in tuned.items():
        assert values.items() <= composed[group].items()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=ehcf", "data=beibei"],
        ["model=ghcf", "data=taobao_15449", "model.layers=2", "trainer.epochs=3"],
        ["model=bpr", "data=ml-1m_receraser", "unlearning=receraser", "unlearning.shards=4"],
        ["model=lightgcn", "loss=non_sampling", "optimizer=sgd", "evaluation=released", "data=csv", "data.path=a.csv"],
        ["~tuned", "data=beibei"],
    ],
)
def test_reading_the_files_gives_what_hydra_composes(words):
    ours, hydras = (compose("train", words, library(""), quick=quick) for quick in (True, False))
    assert OmegaConf.to_container(ours, resolve=True) == OmegaConf.to_container(hydras, resolve=True)


def test_config_printing_is_plain_yaml_of_the_defaults(config):
    cfg = config("train")
    assert list(cfg)[:7] == ["data", "loss", "optimizer", "trainer", "device", "evaluation", "model"]
    assert [cfg[g]["name"] for g in ("data", "model", "loss")] == ["synthetic", "enmf", "non_sampling"]
    assert (cfg["seed"], cfg["run_dir"], cfg["runs_dir"], cfg["resume"]) == (0, None, "runs", None)
    assert cfg["evaluation"]["k"] == [10, 50, 100] and cfg["evaluation"]["select"] == "last"
    assert "hydra" not in cfg


def test_values_on_the_command_line(config):
    words = ["seed=3", "loss.negative_weight=1", "evaluation.k=[5,20]", "run_dir='2024'", "device=cpu"]
    cfg = config("train", *words)
    assert (cfg["seed"], cfg["loss"]["negative_weight"], cfg["evaluation"]["k"]) == (3, 1, [5, 20])
    assert (cfg["run_dir"], cfg["device"]["kind"]) == ("2024", "cpu")
    assert config("train", "loss.negative_weight={cart:0.1,buy:0.2}")["loss"]["negative_weight"] == {
        "cart": 0.1,
        "buy": 0.2,
    }


def test_a_bare_word_switches_on(config):
    assert config("unlearn", "verify", "run=x")["verify"] is True
    assert config("unlearn", "run=x")["verify"] is False


def test_a_model_chooses_its_loss_and_the_command_line_overrules_it(config):
    assert config("train", "model=bpr")["loss"]["name"] == "bpr"
    assert config("train", "model=bpr", "loss=non_sampling")["loss"]["name"] == "non_sampling"
    assert config("train", "loss=non_sampling", "model=bpr")["loss"]["name"] == "non_sampling"


def test_tuned_values_hold_for_their_triple_only_and_the_command_line_wins(config, own_configs):
    own = own_configs({"tuned/enmf-non_sampling-frappe.yaml": TUNED})

    def values(*words):
        cfg = config("train", "data=frappe", "--config-dir", own, *words)
        return cfg["model"]["embedding_size"], cfg["loss"].get("negative_weight")

    plain = config("train", "data=frappe")
    usual = plain["model"]["embedding_size"], plain["loss"]["negative_weight"]
    assert values() == (16, 0.7)
    assert values("loss.negative_weight=0.2") == (16, 0.2)
    assert values("~tuned") == usual
    assert values("model=wmf")[0] == usual[0]
    assert values("loss=bpr")[0] == usual[0]


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], {"cart": 0.8, "buy": 0.2}),
        (["data.behaviours=[buy]"], {"buy": 1.0}),
        (["data.behaviours=[cart]"], {"cart": 1.0}),
        (["data.behaviours=[view,cart,buy]"], {"cart": 0.8, "buy": 0.2}),  # the model will ask for that of view
        (["data.behaviours=[buy]", "model.task_weights={buy:3}"], {"buy": 3}),
        (["data.behaviours=[buy]", "model=enmf"], None),
    ],
)
def test_tuned_weights_follow_the_chosen_behaviours(config, words, expected):
    found = config("train", "model=ehcf", "data=beibei", *words)["model"].get("task_weights")
    assert found == (expected if expected is None else pytest.approx(expected))


def test_tuned_weights_that_leave_nothing_become_equal(config, own_configs):
    own = own_configs(
        {"tuned/ehcf-bpr-synthetic.yaml": "# @package _global_\nmodel:\n  task_weights: {cart: 1.0, buy: 0.0}\n"}
    )
    words = "train", "--config-dir", own, "model=ehcf", "loss=bpr", "data.behaviours=[buy]"
    assert config(*words)["model"]["task_weights"] is None


@pytest.mark.parametrize(
    "text, part",
    [
        ("trainer:\n  epoch: 3\n", "unknown key 'trainer.epoch' in tuned/enmf-non_sampling-frappe.yaml"),
        ("trainer:\n  epochs: many\n", "trainer.epochs: expected an integer >= 0"),
        ("tensorboard: 7\n", "tensorboard: expected true or false"),
    ],
)
def test_tuned_values_are_checked(refused, own_configs, text, part):
    own = own_configs({"tuned/enmf-non_sampling-frappe.yaml": "# @package _global_\n" + text})
    assert part in refused("train", "data=frappe", "--config-dir", own)


def test_own_config_folder_by_option_and_by_variable(config, own_configs, monkeypatch):
    own = own_configs({"model/mine.yaml": "defaults:\n  - enmf\nembedding_size: 8\n"})
    assert config("train", f"--config-dir={own}", "model=mine")["model"]["embedding_size"] == 8
    monkeypatch.setenv("RECSYS_CONFIG_DIR", own)
    assert config("train", "model=mine", "model.dropout=0.5")["model"]["dropout"] == 0.5


@pytest.mark.parametrize(
    "group, text, part",
    [
        ("trainer", "defaults:\n  - default\nepoch: 3\n", "unknown key 'trainer.epoch'"),
        ("trainer", "epochs: 3\nepoch: 4\n", "Did you mean 'trainer.epochs' (default 3)?"),
        ("trainer", "defaults:\n  - default\nprogress: 3\n", "expected true or false"),
        ("model", "name: own\nembedding_size: big\n", "model.embedding_size: expected"),
        ("model", "defaults:\n  - nothing\n", "cannot compose the config"),
        ("model", "name: [\n", "own.yaml"),
    ],
)
def test_own_configs_are_checked(refused, own_configs, group, text, part):
    assert part in refused("train", "--config-dir", own_configs({f"{group}/own.yaml": text}), f"{group}=own")


def test_an_own_config_states_only_what_differs(config, own_configs):
    cfg = config("train", "--config-dir", own_configs({"trainer/short.yaml": "epochs: 3\n"}), "trainer=short")
    assert cfg["trainer"] == {**config("train")["trainer"], "epochs": 3}


def test_own_configs_do_not_hide_behind_ours(refused, own_configs):
    own = own_configs({"model/enmf.yaml": "name: x\n"})
    assert f"{own}/model/enmf.yaml has the name of a config" in refused("train", "--config-dir", own)


def test_evaluation_keeps_to_the_run_unless_told(config):
    cfg = config("evaluate", "run=runs/x")
    assert set(cfg["evaluation"].values()) == {None} and cfg["split"] == "test"
    assert set(cfg["evaluation"]) == set(config("train")["evaluation"])
    cfg = config("evaluate", "run=runs/x", "evaluation.k=[5,20]", "data=synthetic")
    assert cfg["evaluation"]["k"] == [5, 20] and cfg["evaluation"]["metrics"] is None
    assert cfg["data"]["name"] == "synthetic"
    assert config("evaluate", "evaluation=released")["evaluation"]["exclude"] == "train"


def test_a_printed_config_may_lack_what_is_mandatory(config):
    assert config("recommend")["run"] == "???"


def test_references_are_shown_or_resolved(recsys):
    assert "seed: ${trainer.epochs}" in recsys("train", "seed=${trainer.epochs}", "--cfg", "job").out
    assert "seed: 200" in recsys("train", "seed=${trainer.epochs}", "--cfg", "job", "--resolve").out
