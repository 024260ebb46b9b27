"""`export`: what other programs take, equal to what `recommend` writes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recsys_cli
from recsys_cli import UserError
from recsys_cli.use.placing import placed
from tests.commands.conftest import TINY


@pytest.fixture(scope="module")
def run(finished):
    return recsys_cli.open_run(finished)


def trained(folder, *words):
    usual = [word for word in TINY if not word.startswith(("model.", "trainer.epochs"))]
    return recsys_cli.train([*usual, *words, f"run_dir={folder}"])


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("export") / "knn", "model=item_knn")


def test_vectors_give_the_scores(recsys, run, finished, tmp_path):
    result = recsys("export", f"run={finished}", f"out={tmp_path / 'v.npz'}")
    assert result.code == 0 and "60 users and 180 items, 8 numbers each" in result.out
    with np.load(tmp_path / "v.npz", allow_pickle=False) as v:
        place = v["user_ids"].tolist().index(17)
        scores = pd.Series(v["items"] @ v["users"][place], v["item_ids"])
    np.testing.assert_allclose(scores, run.scores(17), rtol=1e-4, atol=1e-8)


def test_tables_hold_the_vectors(run, tmp_path, monkeypatch):
    monkeypatch.setattr("recsys_cli.use.export_arrays.ROWS", 7)
    run.export(tmp_path / "v", "csv")
    for name in ("user", "item"):
        table = pd.read_csv(tmp_path / "v" / f"{name}s.csv", index_col=name)
        assert table.index.tolist() == getattr(run.vectors(), f"{name}_ids").tolist()
        np.testing.assert_array_equal(table.to_numpy(np.float32), getattr(run.vectors(), f"{name}s"))


def test_weights_between_items_give_the_scores(neighbours, tmp_path):
    from scipy.sparse import csr_matrix, load_npz

    neighbours.export(tmp_path / "w.npz")
    neighbours.export(tmp_path / "w", "csv")
    weights, data = load_npz(tmp_path / "w.npz"), neighbours._model.dataset
    ids = np.load(tmp_path / "w.npz")["item_ids"].tolist()
    row = data.user_ids.tolist().index(17)
    chosen = data.target_train.row(row)
    history = csr_matrix((np.ones(len(chosen)), (np.zeros(len(chosen), int), chosen)), (1, data.n_items))
    np.testing.assert_allclose((history @ weights).toarray()[0], neighbours.scores(17), rtol=1e-5, atol=1e-7)
    table = pd.read_csv(tmp_path / "w" / "item_weights.csv")
    assert len(table) == weights.nnz
    first = table.iloc[0]
    found = weights[ids.index(first["item"]), ids.index(first["other"])]
    np.testing.assert_allclose(found, first["weight"], rtol=1e-6)


def test_nothing_is_replaced_unasked(recsys, finished, tmp_path):
    mine = tmp_path / "mine.npz"
    mine.write_text("mine")
    words = ["export", f"run={finished}", f"out={mine}"]
    result = recsys(*words)
    assert result.code == 2 and "overwrite=true" in result.err and mine.read_text() == "mine"
    assert recsys(*words, "overwrite=true").code == 0 and np.load(mine)["users"].shape == (60, 8)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    words = ["export", f"run={finished}", f"out={tmp_path / 'folder'}", "format=csv", "overwrite=true"]
    result = recsys(*words)
    assert result.code == 2 and "is not a folder that an export has made" in result.err
    words[2] = f"out={tmp_path / 'new'}"
    assert recsys(*words).code == 0 and recsys(*words).code == 0
    assert json.loads((tmp_path / "new" / "export.json").read_text())["model"] == "enmf"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "mine.npz", "new"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_comes_in_the_meantime_stays(tmp_path, folder):
    with (
        pytest.raises(UserError, match="is there already"),
        placed(tmp_path / "x", folder=folder, overwrite=False) as aside,
    ):
        (aside / "ours" if folder else aside).write_text("ours")
        (tmp_path / "x").mkdir() if folder else (tmp_path / "x").write_text("mine")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert not list((tmp_path / "x").iterdir()) if folder else (tmp_path / "x").read_text() == "mine"


def test_a_full_disk_leaves_nothing(run, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("recsys_cli.use.export_arrays.np.savez", full)
    with pytest.raises(UserError, match="No space left on device"):
        run.export(tmp_path / "v.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "out,format,text",
    [("v.txt", "npz", "ends in .npz"), ("no/v.npz", "npz", "cannot be written"), ("v", "onnx", "there are npz, csv")],
)
def test_refused_in_one_sentence(run, tmp_path, out, format, text):
    with pytest.raises(UserError, match=text):
        run.export(tmp_path / out, format)


def test_what_users_have_can_stay_at_home_unless_it_makes_the_scores(run, neighbours, tmp_path):
    with pytest.raises(UserError, match="cannot do without"):
        neighbours.export(tmp_path / "model", "saved_model", history=False)
    assert not list(tmp_path.iterdir())


ELSEWHERE = """
import json, sys
import tensorflow as tf
assert not [name for name in sys.modules if name.startswith(("recsys_cli", "data_prep"))]
for folder, users, exclude in json.load(sys.stdin):
    recommend = tf.saved_model.load(folder).signatures["serving_default"]
    found = recommend(
        users=tf.constant(users), k=tf.constant(5), exclude=tf.constant(exclude, tf.string), exclude_seen=tf.constant(True)
    )
    items = [[item.decode() for item in row] for row in found["items"].numpy()]
    print(json.dumps([items, found["scores"].numpy().tolist(), found["known"].numpy().tolist()]))
"""


@pytest.mark.slow
def test_a_saved_model_recommends_without_this_program(run, neighbours, tmp_path):
    """A model with vectors, two with weights between items (sparse, dense), and a network."""
    ease = trained(tmp_path / "ease", "model=ease")
    ncf = trained(tmp_path / "ncf", "model=ncf", "model.embedding_size=4", "trainer.epochs=2")
    calls, expected = [], []
    for number, one in enumerate([run, neighbours, ease, ncf]):
        folder = one.export(tmp_path / f"model{number}", "saved_model")
        first = one.recommend([17], k=1)["item"][0]
        calls.append([str(folder), ["5", "nobody", "17"], [["", ""], ["", ""], [str(first), "unknown"]]])
        expected.append(one.recommend([5, 17], k=5, exclude={17: [first]}))
    process = [sys.executable, "-I", "-c", ELSEWHERE]  # -I: without this folder, and without PYTHONPATH
    found = subprocess.run(process, input=json.dumps(calls), cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-2000:]
    for line, table in zip(found.stdout.splitlines(), expected, strict=True):
        items, scores, known = json.loads(line)
        assert known == [True, False, True] and items[1] == [""] * 5
        assert items[0] + items[2] == table["item"].astype(str).tolist()
        np.testing.assert_allclose(scores[0] + scores[2], table["score"], rtol=1e-5)
