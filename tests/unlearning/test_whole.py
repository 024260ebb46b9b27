"""unlearning=exact: one model, no shards; rows are taken out of counts, or the model is trained again."""

from __future__ import annotations

import shutil

import pytest

from recsys_cli.models.counts import CountedModel
from recsys_cli.unlearning import generation
from recsys_cli.unlearning.generation import Rows
from tests.unlearning.conftest import PowerCut, made_up_score, verify
from tests.unlearning.harness import contents, differing, from_scratch, log, recsys, train_run, write_pairs


@pytest.fixture(autouse=True)
def no_evaluation(monkeypatch):
    monkeypatch.setattr(generation, "score", made_up_score)


KNN = ["model=item_knn", "model.neighbours=4", "unlearning=exact"]


def unlearn(run, folder, rows, header, *words):
    return recsys(
        "unlearn", f"run={run}", f"forget={write_pairs(folder / 'f.csv', rows, header)}", "device=cpu", *words
    )


@pytest.mark.parametrize(
    "model, kind, way",
    [
        (["model=popularity"], "users", "counts"),
        (KNN[:2], "pairs", "counts"),
        (["model=ease", "model.l2=2.0"], "items", "counts"),
        (["model=rp3beta", "model.neighbours=4"], "users", "training"),
        (["model=wmf_als", "model.embedding_size=4"], "pairs", "training"),
    ],
)
def test_the_rest_has_the_bytes_of_training_from_scratch(model, kind, way, tmp_path, monkeypatch, capsys):
    run = train_run(tmp_path, "unlearning=exact", *model)
    before, train = Rows.read(run / "current"), log()[0]
    gone = {"pairs": [train[3], train[40], log()[1][2]], "users": [train[10][0]], "items": [train[10][1]]}[kind]
    trained, real = [], generation.train_shard
    monkeypatch.setattr(generation, "train_shard", lambda *args: trained.append(args[-1]) or real(*args))
    rows = gone if kind == "pairs" else [(name,) for name in gone]
    assert unlearn(run, tmp_path, rows, "user,item" if kind == "pairs" else kind[:-1]) == 0
    said = capsys.readouterr().out
    assert ("taken out of the counts" if way == "counts" else "the model was trained again") in said
    assert trained == ([] if way == "counts" else [0])
    now = contents(run / "current")
    assert differing(now, from_scratch(run, before, tmp_path / "scratch", **{kind: gone})) == []
    assert kind != "users" or verify(run, capsys)[0] == 0


@pytest.fixture
def knn(tmp_path):
    return train_run(tmp_path, *KNN)


def test_plan_names_the_cheapest_exact_way(knn, tmp_path, capsys):
    before = contents(knn)
    assert unlearn(knn, tmp_path, log()[0][3:4], "user,item", "plan=true", f"report={tmp_path / 'r.json'}") == 0
    said = capsys.readouterr().out
    assert "the cheapest exact way: " in said and "shards" not in said and contents(knn) == before
    assert "rows taken out of the counts" in said and "one model of all rows trained again" in said
    assert '"ways"' in (tmp_path / "r.json").read_text()


def test_counts_that_the_ledger_does_not_name_are_not_used(knn, tmp_path, monkeypatch, capsys):
    """What cannot be trusted is no ground to take rows out of: the model is trained again."""
    shutil.copytree(knn, tmp_path / "whole", symlinks=True)
    assert unlearn(tmp_path / "whole", tmp_path, log()[0][3:4], "user,item") == 0
    for name in ("vectors.npz", "vectors.sha256"):
        file = knn / "current" / "shards" / "0" / name
        file.write_bytes(file.read_bytes()[:-1])
    monkeypatch.setattr(CountedModel, "lose", None)
    assert unlearn(knn, tmp_path, log()[0][3:4], "user,item") == 0
    assert "the model was trained again" in capsys.readouterr().out
    assert differing(contents(knn / "current"), contents(tmp_path / "whole" / "current")) == []


@pytest.mark.slow
def test_a_crash_leaves_the_old_state_or_the_new_one(knn, tmp_path, cut, capsys):
    before = contents(knn / "current")
    shutil.copytree(knn, tmp_path / "whole", symlinks=True)
    cut(None)
    assert unlearn(tmp_path / "whole", tmp_path, log()[0][3:4], "user,item") == 0
    n_steps, after = cut(None), contents(tmp_path / "whole" / "current")
    seen = set()
    for step in range(3, n_steps, 6):
        folder = tmp_path / f"cut-{step}"
        shutil.copytree(knn, folder, symlinks=True)
        cut(step)
        with pytest.raises(PowerCut):
            unlearn(folder, tmp_path, log()[0][3:4], "user,item")
        cut(None)
        now = contents(folder / "current")
        seen.add(now == after)
        assert now in (before, after)
        if now == before:
            assert unlearn(folder, tmp_path, log()[0][3:4], "user,item") == 0
        assert differing(contents(folder / "current"), after) == [], step
    assert seen == {False, True}


def test_counts_take_the_place_of_shards_and_say_so(tmp_path, capsys):
    run = train_run(tmp_path, "model=popularity", "unlearning=sisa", "unlearning.shards=4")
    assert "unlearning=exact in the place of unlearning=sisa: model=popularity" in capsys.readouterr().out
    assert len(list((run / "current" / "shards").iterdir())) == 1


@pytest.mark.parametrize(
    "words, said",
    [
        (["unlearning=exact", "unlearning.shards=3", "model=wmf"], "has one shard, which is the model"),
        (["unlearning=exact", "model=nfm", "model.pretrained=elsewhere"], "is another run, which knows rows"),
        (["unlearning=exact", "model=auxiliary_first", "model.then=elsewhere"], "is another run, which knows rows"),
    ],
)
def test_what_would_not_be_exact_is_refused(words, said, tmp_path, capsys):
    assert recsys("train", *words, f"run_dir={tmp_path / 'run'}", "device=cpu") == 2
    assert said in " ".join(capsys.readouterr().err.split()) and not (tmp_path / "run").exists()
