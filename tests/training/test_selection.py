"""Cut-offs beyond the catalogue: left out where nobody asked for them, refused where somebody did."""

from __future__ import annotations

import json

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.models.base import Factors
from recsys_cli.training import selection
from tests.commands.conftest import TINY

OTHERS = ("data.i", "evaluation.k", "trainer.epochs")
SMALL = ["data.items=60", "data.interactions=400", *(word for word in TINY if not word.startswith(OTHERS))]


def test_default_cutoffs_follow_a_small_catalogue(recsys, tmp_path):
    run = tmp_path / "run"
    result = recsys("train", *SMALL, "trainer.epochs=1", f"run_dir={run}")
    assert result.code == 0, result.err
    assert "note: data=synthetic has 60 items, so 100 of the default evaluation.k is left out." in result.out
    metrics = json.loads((run / "test.json").read_text())["metrics"]
    assert list(metrics) == [f"{family}@{k}" for family in ("HR", "Recall", "NDCG") for k in (10, 50)]
    again = recsys("evaluate", f"run={run}")
    assert again.code == 0, again.err


@pytest.mark.parametrize("words", [["evaluation.k=[10,70]"], ["evaluation.k=70"], ["trainer.monitor=NDCG@100"]])
def test_cutoffs_that_were_asked_for_are_refused(recsys, tmp_path, words):
    result = recsys("train", *SMALL, *words, "trainer.epochs=1", f"runs_dir={tmp_path / 'runs'}")
    assert result.code == 2 and "60" in result.err and not (tmp_path / "runs").exists()


def test_unlearning_has_the_same(recsys, tmp_path):
    words = [*SMALL, "unlearning=sisa", "unlearning.shards=2", "trainer.epochs=1", f"run_dir={tmp_path / 'run'}"]
    result = recsys("train", *words)
    assert result.code == 0 and "100 of the default evaluation.k is left out" in result.out


def test_a_long_ranking_is_told_before(monkeypatch, capsys, tiny_dataset):
    config = compose("train", ["evaluation.k=[2]"], library("")).evaluation
    model = type("Slow", (), {"scorer": lambda self: lambda users: np.zeros((len(users), 4), np.float32)})()
    monkeypatch.setattr(selection, "LARGE_RANKING", 0)
    monkeypatch.setattr(selection, "LONG", 0)
    monkeypatch.setattr(selection, "evaluate", lambda *args, **kwargs: None)
    selection.score(config, model, tiny_dataset, "test", 0)
    assert capsys.readouterr().err.startswith("ranking: about 0 s")
    assert selection.ranking_seconds(Factors(None, None), tiny_dataset, "test") == 0.0


@pytest.fixture
def tiny_dataset():
    from recsys_cli.data.dataset import CSR, Dataset

    pairs = CSR.from_pairs(np.array([0, 1]), np.array([0, 1]), 2, 4)
    return Dataset("tiny", 2, 4, "buy", {"buy": pairs}, test=CSR.from_pairs(np.array([0, 1]), np.array([2, 3]), 2, 4))


def test_what_an_evaluation_would_refuse_is_refused_by_the_check(tiny_dataset):
    from recsys_cli.evaluation.protocol import EvaluationSettings, check, evaluate

    for keys, part in (
        ({"k": [5]}, "cut-off 5"),
        ({"protocol": "sampled"}, "99 negatives"),
        ({"exclude_auxiliary": True}, "no behaviour besides the target"),
    ):
        usual = {"k": [2], "metrics": ["HR"], "exclude": "train", "protocol": "full", "memory_mb": 1}
        keys = usual | {"exclude_auxiliary": False} | keys
        with pytest.raises(UserError, match=part):
            check(tiny_dataset, "test", EvaluationSettings(**keys))
        with pytest.raises(UserError, match=part):
            evaluate(Factors(np.zeros((2, 1), np.float32), np.zeros((4, 1), np.float32)), tiny_dataset, "test", **keys)


def test_the_most_popular_items_stand_beside_the_result(recsys, tmp_path):
    words = [*(w for w in TINY if "epochs" not in w), "trainer.epochs=1", "data.seed=3"]
    own = recsys("train", *words, f"run_dir={tmp_path / 'own'}")
    popular = recsys(
        "train", *[w for w in words if "embedding" not in w], "model=popularity", f"run_dir={tmp_path / 'pop'}"
    )
    values = json.loads((tmp_path / "pop" / "test.json").read_text())["metrics"]
    expected = ", ".join(f"{m}@5 {values[f'{m}@5']['mean']:.4f}" for m in ("HR", "Recall", "NDCG"))
    assert f"for comparison, the most popular items: {expected}\n" in own.out
    assert "for comparison" not in popular.out
