"""Unlearnable runs with the other commands, and combinations that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unlearning.harness import MODELS, TINY, log, recsys, train_run, write_pairs

USER = log()[0][10][0]


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory):
    """A run that was trained and has forgotten USER."""
    folder = tmp_path_factory.mktemp("forgotten")
    run = train_run(folder, "unlearning=grapheraser", "unlearning.shards=2", *MODELS["bpr"])
    (run / "evaluations").mkdir()
    for name in ("test-again.json", "evaluations/test-again.json", "evaluations/short_per_user.npz"):
        (run / name).write_text("of the state before")
    words = ["device=cpu", "audit=true", "verify=true", f"report={folder / 'report.json'}"]
    assert recsys("unlearn", f"run={run}", f"forget={write_pairs(folder / 'f.csv', [(USER,)], 'user')}", *words) == 0
    return run


def test_the_report(forgotten):
    report = json.loads((forgotten.parent / "report.json").read_text())
    assert report["training_pairs"] == sum(u == USER for u, _ in log()[0]) and report["held_out_pairs"] == 1
    assert report["shards_trained"] and report["shards"] == 2
    assert report["metrics_after"].keys() == report["metrics_before"].keys()
    assert report["asked"] == {"kind": "users", "rows": 1, "matched": 1, "unmatched": 0, "unmatched_rows": []}
    assert "nothing to test" in report["audit"]["verdict"] and "retrained" not in report
    assert "computed before the deletion, from vectors trained on all rows" in report["partition"]
    assert {str(forgotten.parent / name) for name in ("train.csv", "f.csv")} <= set(report["elsewhere"])


def test_other_data_sets_in_the_cache_are_not_accused(forgotten):
    from omegaconf import OmegaConf

    from recsys_cli.data.dataset import CSR, Dataset
    from recsys_cli.unlearning.data_copy import write_copy
    from recsys_cli.unlearning.report import elsewhere

    prepared = forgotten.parent / "cache" / "prepared"
    other = Dataset(
        "train",
        1,
        1,
        "buy",
        {"buy": CSR.from_pairs([0], [0], 1, 1)},
        user_ids=np.array(["somebody"]),
        item_ids=np.array([1]),
    )
    write_copy(prepared / "train-other", other)
    (left := prepared / ".train-other.1.partial").mkdir()
    (left / "user_ids.npy").write_bytes(b"x")
    found = elsewhere(OmegaConf.load(forgotten / "config.yaml"), [("users", [(USER,)])], None)
    assert {Path(path).name for path in found if path.startswith(str(prepared))} == {
        left.name,
        *(p.name for p in prepared.iterdir() if p.name not in ("train-other", left.name)),
    }


def test_what_belongs_to_the_state_before_is_gone(forgotten):
    assert not (forgotten / "test-again.json").exists() and not list((forgotten / "evaluations").iterdir())
    assert json.loads((forgotten / "test.json").read_text())["users"] == 15
    assert json.loads((forgotten / "record.json").read_text())["generation"] == 1


def test_evaluate_scores_the_current_state(forgotten):
    assert recsys("evaluate", f"run={forgotten}", "device=cpu") == 0
    one, other = (json.loads((forgotten / name).read_text()) for name in ("test.json", "evaluations/test-again.json"))
    assert one["metrics"] == other["metrics"] and other["users"] == 15


def test_recommend_knows_the_remaining_users_only(forgotten, tmp_path, capsys):
    output = tmp_path / "best.csv"
    assert recsys("recommend", f"run={forgotten}", f"output={output}", "k=3", "device=cpu") == 0
    users = set(pd.read_csv(output).user)
    assert len(users) == 15 and USER not in users
    assert recsys("recommend", f"run={forgotten}", f"output={output}", f"users=[{USER}]", "k=3", "device=cpu") == 2
    assert "not in the training data" in capsys.readouterr().err


def test_other_data_is_refused(forgotten, capsys):
    assert recsys("evaluate", f"run={forgotten}", "data=synthetic", "device=cpu") == 2
    assert "keeps its own copy of the data" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, part",
    [
        (["unlearning=sisa", "evaluation.select=best_test_epoch"], "trains a fixed number of epochs"),
        (["unlearning=sisa", "model=ncf"], "needs user and item vectors, which model=ncf does not give"),
        (
            ["unlearning=receraser", "unlearning.aggregation_loss=model", "model=wmf_als"],
            "cannot be trained by loss=none",
        ),
        (["unlearning=sisa", "unlearning.shards=0"], "unlearning.shards: expected an integer >= 1"),
        (["unlearning=sisa", "unlearning.shard=3"], "unknown key 'unlearning.shard'"),
        (["unlearning.shards=3"], "It exists with unlearning=exact or unlearning=grapheraser"),
    ],
)
def test_unfit_combinations_are_refused(words, part, tmp_path, capsys):
    files = [
        f"data.{side}={write_pairs(tmp_path / f'{side}.csv', rows)}" for side, rows in zip(("path", "test_path"), log())
    ]
    assert recsys("train", *TINY[:2], *files, f"data.cache_dir={tmp_path}", f"run_dir={tmp_path / 'run'}", *words) == 2
    assert part in capsys.readouterr().err


@pytest.mark.slow
def test_full_retraining_is_a_single_shard(tmp_path):
    run = train_run(tmp_path, "unlearning=retrain", *MODELS["lightgcn"])
    words = [f"run={run}", f"forget={write_pairs(tmp_path / 'f.csv', log()[0][:2])}", "verify=true", "device=cpu"]
    assert recsys("unlearn", *words, f"report={tmp_path / 'report.json'}") == 0
    assert json.loads((tmp_path / "report.json").read_text())["shards_trained"] == [0]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["wmf_als", "cmf"])
def test_other_models_with_vectors_need_nothing_of_their_own(model, tmp_path):
    run = train_run(tmp_path, "unlearning=sisa", "unlearning.shards=2", f"model={model}", "model.embedding_size=4")
    assert (
        recsys(
            "unlearn",
            f"run={run}",
            f"forget={write_pairs(tmp_path / 'f.csv', log()[0][:2])}",
            "verify=true",
            "device=cpu",
        )
        == 0
    )


@pytest.mark.slow
def test_several_behaviours(tmp_path):
    """A pair is forgotten in all of them, and the aggregation is trained on the target."""
    words = [
        "unlearning=receraser",
        "unlearning.shards=2",
        "unlearning.pretraining_epochs=1",
        "unlearning.aggregation_epochs=1",
        "unlearning.aggregation_loss=model",
        "model=ehcf",
        "model.embedding_size=4",
        "data.users=40",
        "data.items=40",
        "data.interactions=120",
        "trainer.epochs=1",
        "trainer.progress=false",
        "evaluation.bootstrap=5",
        "evaluation.k=[5]",
        f"data.cache_dir={tmp_path}",
        "loss.negative_weight={view:0.01,cart:0.05,buy:0.1}",
    ]
    assert recsys("train", *words, f"run_dir={tmp_path / 'run'}", "device=cpu") == 0
    from recsys_cli.unlearning.generation import Rows

    data = Rows.read(tmp_path / "run" / "current").dataset
    bought = data.target_train
    both = next((u, i) for u, i in zip(bought.rows, bought.indices) if data.train["view"].contains([u], [i])[0])
    forget = write_pairs(tmp_path / "f.csv", [tuple(map(str, both))])
    assert recsys("unlearn", f"run={tmp_path / 'run'}", f"forget={forget}", "verify=true", "device=cpu") == 0
    left = Rows.read(tmp_path / "run" / "current").dataset
    for behaviour, pairs in left.train.items():
        assert not pairs.contains([both[0]], [both[1]])[0]
        assert pairs.nnz == data.train[behaviour].nnz - data.train[behaviour].contains([both[0]], [both[1]])[0]
