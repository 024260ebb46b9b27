"""`recommend` for people whom the run does not know, by the items they have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import recsys_cli
from recsys_cli import UserError
from recsys_cli.use.fold_in import Weights, fold_in
from tests.commands.conftest import TINY
from tests.tiny import csr


def trained_with(folder, *words):
    without = [word for word in TINY if not word.startswith(("model.", "trainer.epochs"))]
    return recsys_cli.train([*without, *words, f"run_dir={folder}"])


@pytest.fixture(scope="module")
def ease(tmp_path_factory):
    return trained_with(tmp_path_factory.mktemp("new") / "ease", "model=ease", "model.l2=10")


def items_of(run, user) -> list:
    data = run._model.dataset
    return data.item_ids[data.target_train.row(data.user_ids.tolist().index(user))].tolist()


@pytest.mark.parametrize("model", ["ease", "item_knn"])
def test_where_weights_between_items_score_a_stranger_has_the_list_of_a_twin(request, tmp_path, model):
    run = request.getfixturevalue("ease") if model == "ease" else trained_with(tmp_path / "run", f"model={model}")
    new = run.recommend_new({"twin of 5": items_of(run, 5), "twin of 17": items_of(run, 17)}, k=6)
    own = run.recommend([17, 5], k=6)
    assert new["user"].tolist() == ["twin of 17"] * 6 + ["twin of 5"] * 6
    np.testing.assert_allclose(new["score"], own["score"], rtol=1e-5)
    np.testing.assert_allclose(run.scores(5)[new["item"][6:]], new["score"][6:], rtol=1e-5)


def test_a_folded_in_vector_is_the_minimum_of_the_loss_over_all_items():
    random = np.random.default_rng(0)
    q, chosen = random.normal(size=(30, 4)).astype(np.float32), random.random((3, 30)) < 0.2
    chosen[2] = False
    weights = Weights(random.uniform(0.05, 0.3, 30), 0.7)
    found = fold_in(q, csr(chosen), weights).astype(float)
    for p, own in zip(found, chosen):
        error = np.where(own, (q @ p - 1), weights.others * (q @ p))
        np.testing.assert_allclose(q.T @ error + weights.l2 * p, 0, atol=1e-5)
    assert np.abs(found[:2]).max() > 0.01 and not found[2].any()


def test_the_users_step_of_wmf_als_is_the_fold_in(tmp_path):
    """After its last step the items have moved; from the same items it is the same vector."""
    from recsys_cli.use.fold_in import weights_of

    run = trained_with(tmp_path / "run", "model=wmf_als", "model.embedding_size=4", "trainer.epochs=2")
    model, data = run._model.model, run._model.dataset
    items = run.vectors().items.copy()
    model.begin(2)
    for step in range(len(model._sides[0].bounds)):
        model.run_step(step)
    folded = fold_in(items, data.target_train, weights_of(run._model.config, model, items))
    np.testing.assert_allclose(folded, model.user_embedding.numpy(), rtol=1e-3, atol=1e-5)


def test_a_file_of_strangers(recsys, finished, tmp_path):
    run = recsys_cli.open_run(finished)
    own = items_of(run, 5)
    lines = [f"anna,{item}" for item in own] + ["anna,nothing", "bob,nothing", f"17,{own[0]}"]
    (tmp_path / "new.csv").write_text("\n".join(["user,item", *lines]) + "\n")
    words = [f"run={finished}", f"new_users={tmp_path / 'new.csv'}", "k=4", f"output={tmp_path / 'r.csv'}"]
    result = recsys("recommend", *words)
    assert result.code == 0, result.err
    table = pd.read_csv(tmp_path / "r.csv")
    assert table["user"].astype(str).tolist() == ["17"] * 4 + ["anna"] * 4
    assert not set(table["item"][4:]) & set(own)
    assert "1 items are not in the training data" in result.out and "in 2 of" in result.out
    assert "1 users have no other items and get no list, such as 'bob'" in result.out
    assert "1 of these ids are users of the run" in result.out and "for 2 users" in result.out


@pytest.mark.parametrize(
    "text,message",
    [
        ("user,item\nanna,nothing\n", "nobody has an item of the run"),
        ("user,thing\nanna,1\n", "item"),
        ("user,item,behaviour\nanna,1,buy\n", "a column of behaviours"),
        (None, "No such file"),
    ],
)
def test_a_file_that_tells_nothing_is_refused(recsys, finished, tmp_path, text, message):
    if text:
        (tmp_path / "new.csv").write_text(text)
    result = recsys("recommend", f"run={finished}", f"new_users={tmp_path / 'new.csv'}", f"output={tmp_path / 'r.csv'}")
    assert result.code == 2 and message in result.err and not (tmp_path / "r.csv").exists()


def test_one_of_the_two_is_given(recsys, finished):
    result = recsys("recommend", f"run={finished}", "users=[5]", "new_users=x.csv")
    assert result.code == 2 and "give one of the two" in result.err


def test_a_model_that_knows_its_users_only_is_refused(tmp_path):
    run = trained_with(tmp_path / "run", "model=popularity")
    with pytest.raises(UserError, match="model=popularity says nothing of people it was not trained on"):
        run.recommend_new({"anna": items_of(run, 5)})


def test_unknown_items_are_said_and_others_left_out(ease):
    with pytest.warns(UserWarning, match="1 items are not in the training data"):
        table = ease.recommend_new({"anna": [*items_of(ease, 5), "nothing"]}, k=1)
    assert ease.recommend_new({"anna": items_of(ease, 5)}, k=1, exclude=table["item"])["item"][0] != table["item"][0]
