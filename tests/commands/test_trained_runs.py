"""`evaluate` and `recommend` on a finished run."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tests.commands.conftest import TINY


def test_evaluate_repeats_the_result_of_training(recsys, trained):
    result = recsys("evaluate", f"run={trained}")
    assert result.code == 0, result.err
    again, before = (json.loads((trained / f"{name}.json").read_text()) for name in ("evaluations/test-again", "test"))
    assert again["metrics"] == before["metrics"]


def without(run, key: str) -> None:
    """Leaves a key out of the config of a run, as if an older version had trained it."""
    lines = (run / "config.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith(f"{key}:")]
    assert len(kept) == len(lines) - 1
    (run / "config.yaml").write_text("".join(kept))


def test_a_run_of_an_older_version_is_scored_as_is(recsys, trained):
    for key in ("bootstrap", "determinism"):
        without(trained, key)
    result = recsys("evaluate", f"run={trained}")
    assert result.code == 0, result.err


@pytest.mark.parametrize("command", ["evaluate run", "recommend run", "train resume", "unlearn run"])
def test_a_run_of_an_older_version_that_made_another_model_is_refused(recsys, trained, command):
    without(trained, "dropout")
    command, key = command.split()
    result = recsys(command, f"{key}={trained}", *(["forget=x.csv"] if command == "unlearn" else []))
    assert result.code == 2 and "another version, without model.dropout" in result.err


def test_a_run_without_its_config_is_refused(recsys, trained):
    (trained / "config.yaml").write_text("")
    result = recsys("evaluate", f"run={trained}")
    assert result.code == 2 and "is not the config of a run" in result.err


@pytest.mark.parametrize("memory", [1, 64])
def test_metrics_do_not_depend_on_the_block_size(recsys, trained, memory):
    assert recsys("evaluate", f"run={trained}", f"evaluation.memory_mb={memory}").code == 0
    again, before = (json.loads((trained / f"{name}.json").read_text()) for name in ("evaluations/test-again", "test"))
    assert again["metrics"] == before["metrics"]


def test_evaluate_with_other_metrics_split_and_a_per_user_file(recsys, trained, tmp_path):
    file = tmp_path / "users.csv"
    result = recsys(
        "evaluate",
        f"run={trained}",
        "split=validation",
        "evaluation.k=[3]",
        "evaluation.metrics=[MRR,AUC]",
        f"per_user={file}",
    )
    assert result.code == 0, result.err
    metrics = json.loads((trained / "evaluations" / "validation-again.json").read_text())["metrics"]
    table = pd.read_csv(file)
    assert set(table.columns) == {"user", *metrics}
    np.testing.assert_allclose(table["AUC"].mean(), metrics["AUC"]["mean"])


def test_the_sampled_protocol_warns(recsys, trained):
    result = recsys("evaluate", f"run={trained}", "evaluation=sampled")
    assert result.code == 0, result.err
    assert "warning" in result.out and "sampled-HR" in (trained / "evaluations" / "test-again.json").read_text()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_recommend_writes_raw_ids_of_unseen_items(recsys, trained, tmp_path, ending):
    from omegaconf import OmegaConf

    from recsys_cli.data.load import get_dataset

    file = tmp_path / f"items.{ending}"
    assert recsys("recommend", f"run={trained}", "k=7", f"output={file}").code == 0
    table = pd.read_csv(file) if ending == "csv" else pd.read_parquet(file)
    dataset = get_dataset(OmegaConf.load(trained / "config.yaml").data)
    assert list(table.columns) == ["user", "rank", "item", "score"] and len(table) == 60 * 7
    assert set(table["user"]) == set(dataset.user_ids.tolist())
    for user, rows in table.groupby("user"):
        internal = int(np.flatnonzero(dataset.user_ids == user)[0])
        items = np.flatnonzero(np.isin(dataset.item_ids, rows["item"]))
        assert not set(items) & set(dataset.target_train.row(internal).tolist())
        assert rows["rank"].tolist() == list(range(1, 8)) and (np.diff(rows["score"]) <= 0).all()


def test_a_list_of_users_may_have_the_header_of_a_table(recsys, trained, tmp_path):
    users, outputs = tmp_path / "users.csv", [tmp_path / "a.csv", tmp_path / "b.csv"]
    for text, output in zip(("3\n5\n", "user\n3\n5\n"), outputs):
        users.write_text(text)
        assert recsys("recommend", f"run={trained}", f"users={users}", "k=2", f"output={output}").code == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    users.write_text("user\n")
    result = recsys("recommend", f"run={trained}", f"users={users}", f"output={outputs[0]}")
    assert result.code == 2 and "names nobody" in result.err


def test_recommend_for_some_users_from_a_file(recsys, trained, tmp_path):
    users, file = tmp_path / "users.txt", tmp_path / "items.csv"
    users.write_text("5\n17\n")
    assert recsys("recommend", f"run={trained}", f"users={users}", "k=3", f"output={file}").code == 0
    assert pd.read_csv(file)["user"].tolist() == [5, 5, 5, 17, 17, 17]


@pytest.mark.parametrize(
    "words,text",
    [
        (["users=[5,77777]"], "1 of 2 users"),
        (["users=nowhere.txt"], "no such file"),
        (["k=181"], "beyond the 180 items"),
        (["output=/nowhere/x.csv"], "output=/nowhere/x.csv cannot be written"),
    ],
)
def test_recommend_refuses_in_one_sentence(recsys, trained, words, text):
    result = recsys("recommend", f"run={trained}", *words)
    assert result.code == 2 and text in result.err and "Traceback" not in result.err


def test_not_a_run(recsys, tmp_path):
    result = recsys("evaluate", f"run={tmp_path}")
    assert result.code == 2 and "is not a run directory" in result.err


def test_a_run_of_another_data_set_is_refused(recsys, trained):
    result = recsys("evaluate", f"run={trained}", "data.users=70")
    assert result.code == 2, result.out


def test_every_finished_run_can_be_taken_up_by_another_process(recsys, tmp_path):
    """What `evaluate` reads is on disk, also for a model in closed form."""
    run = tmp_path / "run"
    words = [w for w in TINY if not w.startswith("model.")]
    assert recsys("train", *words, "model=popularity", f"run_dir={run}").code == 0
    assert recsys("evaluate", f"run={run}").code == 0
