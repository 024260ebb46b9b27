"""`import recsys_cli as recsys`: the same as the commands, from Python."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recsys_cli
from recsys_cli import UserError
from recsys_cli.runs.directory import Run
from tests.commands.conftest import TINY


@pytest.fixture(scope="module")
def run(finished):
    """One object for the tests that only ask: it takes up its model once."""
    return recsys_cli.open_run(finished)


def test_importing_it_loads_nothing_heavy():
    heavy = "tensorflow", "numpy", "pandas", "hydra", "omegaconf"
    code = f"import sys, recsys_cli as r; assert 'train' in dir(r); print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_results_are_those_of_the_files(run, finished):
    assert run.metrics == {name: value["mean"] for name, value in run.result["metrics"].items()}
    assert run.per_user.index.name == "user" and len(run.per_user) == run.result["users"]
    np.testing.assert_allclose(run.per_user["HR@10"].mean(), run.metrics["HR@10"])
    assert run.epochs.index.tolist() == [1, 2, 3, 4] and {"loss", "seconds"} <= set(run.epochs)
    assert run.settings["model"]["name"] == "enmf" and run.status == "finished"


def test_recommend_gives_what_the_command_writes(run, finished, recsys, tmp_path):
    file = tmp_path / "r.csv"
    assert recsys("recommend", f"run={finished}", "users=[5,17]", "k=4", f"output={file}").code == 0
    written, given = pd.read_csv(file), run.recommend([5, "17"], k=4)
    assert written.columns.tolist() == given.columns.tolist()
    assert (written[["user", "rank", "item"]] == given[["user", "rank", "item"]]).all(axis=None)
    np.testing.assert_array_equal(written["score"].to_numpy(np.float32), given["score"].to_numpy())
    assert run.recommend(k=1)["user"].tolist() == run._model.dataset.user_ids.tolist()


def test_scores_are_those_of_the_lists_and_the_products_of_the_vectors(run):
    lists, scores, vectors = run.recommend(17, k=5), run.scores(17), run.vectors()
    np.testing.assert_array_equal(scores[lists["item"]].to_numpy(), lists["score"].to_numpy())
    place = vectors.user_ids.tolist().index(17)
    np.testing.assert_allclose(vectors.items @ vectors.users[place], scores, rtol=1e-4, atol=1e-8)
    assert scores.index.tolist() == vectors.item_ids.tolist()


def test_items_are_left_out_for_all_or_for_some(run):
    first = run.recommend([5, 17], k=1)["item"].tolist()
    for_all = run.recommend([5, 17], k=3, exclude=first)
    assert run.recommend(5, k=1, exclude=int(first[0]))["item"][0] != first[0]
    assert not set(first) & set(for_all["item"])
    of_one = run.recommend([5, 17], k=1, exclude={17: first})
    assert of_one["item"][0] == first[0] and of_one["item"][1] not in first
    lists = run.recommend([5, 17], k=3)["item"].tolist()
    of_both = run.recommend([5, 17], k=2, exclude={17: lists[3:5], "5": lists[:1]})["item"].tolist()
    assert of_both[:2] == lists[1:3] and of_both[2] == lists[5]
    seen = set(run.recommend([5], k=180, exclude_seen=False)["item"]) - set(run.recommend([5], k=180)["item"])
    assert seen


def test_evaluate_repeats_the_result_and_takes_other_settings(run):
    assert run.evaluate().metrics == run.metrics
    other = run.evaluate("validation", k=[3], metrics=["MRR"])
    assert list(other.metrics) == ["MRR@3"] and "validation" in repr(other)
    np.testing.assert_allclose(other.per_user["MRR@3"].mean(), other.metrics["MRR@3"])


@pytest.mark.parametrize(
    "question,text",
    [
        (lambda run: run.recommend([77777]), "1 of 1 users are not in the training data"),
        (lambda run: run.recommend([5], exclude=["x"]), "1 of 1 items are not in the training data"),
        (lambda run: run.recommend([5], k=181), "beyond the 180 items"),
        (lambda run: run.evaluate("train"), "split=train"),
        (lambda run: run.evaluate(metric=["HR"]), "unknown key 'evaluation.metric'"),
        (lambda run: run.evaluate(metrics=["no.such.Thing"]), "cannot be imported"),
        (lambda run: recsys_cli.open_run(run.path / "nowhere"), "is not a run directory"),
        (lambda run: recsys_cli.open_run(run.path, device="tpu"), "device.kind: expected one of auto, cpu, gpu"),
        (lambda run: recsys_cli.train("model=enmf"), "give a list of words"),
        (lambda run: recsys_cli.train(["trainer.epoch=3"]), "Did you mean 'trainer.epochs'"),
    ],
)
def test_what_cannot_be_had_is_said_in_a_sentence(run, question, text):
    with pytest.raises(UserError, match=text):
        question(run)


def test_an_object_does_not_keep_its_run_locked(run, finished):
    assert run.scores(5).notna().all()
    Run.open(finished)


def test_train_gives_the_finished_run(tmp_path):
    words = [word for word in TINY if not word.startswith(("model.", "trainer.epochs"))]
    run = recsys_cli.train([*words, "model=popularity", f"runs_dir={tmp_path}", "evaluation.test=false"])
    assert run.path.parent == tmp_path and run.result["split"] == "validation" and run.metrics
    with pytest.raises(UserError, match="has no vectors"):
        run.vectors()
