"""What cannot fit, or cannot be evaluated, is refused in a sentence before there is a run directory."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pytest

from data_prep.errors import UserError
from recsys_cli import memory
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.models.base import Need, SolvedModel
from recsys_cli.models.factorization import MatrixFactorization
from recsys_cli.training import estimate
from tests.commands.conftest import TINY
from tests.contract.harness import board, checkerboard, configured, start
from tests.contract.models import CASES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_model_tells_the_size_of_its_variables(case):
    model, learner = start(case)
    state = model.state().values()
    learnt = state if isinstance(model, SolvedModel) else model.trainable_variables  # not what holds for an epoch
    variables = sum(math.prod(v.shape) for v in learnt)
    need = type(model).memory(configured(case, 0).model, board(case))
    assert need.parameters == pytest.approx(variables, rel=0.02, abs=16)
    slots = sum(math.prod(v.shape) for v in learner.state().values()) - sum(math.prod(v.shape) for v in state)
    if not isinstance(model, SolvedModel) and all(phase.optimizer is None for phase in learner.phases):
        assert slots == pytest.approx(estimate.SLOTS[configured(case, 0).optimizer.name] * variables, abs=4)


@pytest.mark.parametrize("model", ["popularity", "ease", "enmf", "nmtr"])
def test_any_kind_of_model_is_refused_where_memory_is_short(model, monkeypatch, recsys, tmp_path):
    monkeypatch.setattr(estimate, "free_memory", lambda: 10_000)
    words = [word for word in TINY if "embedding" not in word]
    result = recsys("train", f"model={model}", *words, f"runs_dir={tmp_path / 'runs'}")
    assert result.code == 2 and "of memory, and 1 MB are free. Most of it" in result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "words, parts",
    [
        (["trainer.batch_size=1000000000000"], ["trainer.batch_size=1000000000000", "at most 1073741824"]),
        (["model.embedding_size=1000000000"], ["GB of memory", "model.embedding_size=1000000000 is too much"]),
        (["model=lightgcn", "model.embedding_size=10000000"], ["GB of memory", "model.embedding_size=10000000"]),
        (["model=ghcf", "model.layers=100", "model.embedding_size=100000"], ["model.embedding_size=100000"]),
        (["model=bpr", "loss.negatives=10000000"], ["GB of memory", "loss.negatives=10000000"]),
        (["model=bpr", "loss.sampling=users", "trainer.batch_size=1000000000"], ["trainer.batch_size=1000000000"]),
        (["model=wmf_als", "model.embedding_size=1000000"], ["GB of memory", "model.embedding_size=1000000"]),
        (["model=expomf", "model.embedding_size=100000"], ["GB of memory", "model.embedding_size=100000"]),
        (["model=ncf", "model.layer_widths=[100000000,8]"], ["GB of memory", "model.layer_widths=[100000000, 8]"]),
        (["device.threads=100000"], ["device.threads=100000: this machine has", "cores; give at most"]),
        (["evaluation=sampled", "data.items=80", "data.interactions=400"], ["items to draw 99 negatives from"]),
        (["evaluation.exclude_auxiliary=true", "data.behaviours=[buy]"], ["no behaviour besides the target"]),
        (["evaluation.memory_mb=1", "data.items=5000"], ["evaluation.memory_mb=1 is too little"]),
        (
            ["unlearning=sisa", "unlearning.shards=1000", "data.behaviours=[buy]"],
            ["is more than the", "training pairs"],
        ),
        (["unlearning=sisa", "unlearning.shards=900"], ["has no rows of 'buy'"]),
        (["unlearning=sisa", "evaluation=sampled", "data.items=80", "data.interactions=400"], ["99 negatives"]),
        (["unlearning=sisa", "model.embedding_size=1000000000"], ["GB of memory"]),
    ],
)
def test_refused_before_there_is_a_run(recsys, tmp_path, words, parts):
    tiny = [w for w in TINY if not any(w.split("=")[0] == word.split("=")[0] for word in words)]
    tiny = [w for w in tiny if "embedding" not in w or "model=ncf" not in words]
    if any(w.startswith("evaluation=") for w in words):
        words = [*words, "evaluation.k=[5]"]
        tiny = [w for w in tiny if not w.startswith("evaluation.k")]
    result = recsys("train", *tiny, *words, f"runs_dir={tmp_path / 'runs'}")
    assert result.code == 2 and result.err.startswith("recsys: error: ") and "Traceback" not in result.err, result.err
    for part in parts:
        assert part in result.err
    assert not (tmp_path / "runs").exists()


def test_a_batch_that_would_fit_is_named(monkeypatch):
    """CFM with ten fields needs 41 GB for a batch of 512: that fewer cases would do is what one wants to hear."""
    case = next(case for case in CASES if case.model == "cfm")
    need = Need(1000, pairs=5000, width=1_000_000, setting="model.embedding_size")
    model = SimpleNamespace(memory=lambda config, dataset: need)

    config = configured(case, 0)
    config.trainer.batch_size = 4000
    parts = estimate.memory_parts(config, need, checkerboard())
    monkeypatch.setattr(estimate, "free_memory", lambda: sum(part.size for part in parts) - parts[-1].size // 2)
    with pytest.raises(UserError, match=r"for a batch: trainer.batch_size=4000 is too much, (2000|1999) would fit"):
        estimate.check_memory(config, model, checkerboard())
    config.trainer.batch_size = 1999
    assert "of memory" in estimate.check_memory(config, model, checkerboard())


def test_the_estimate_is_told(recsys, tmp_path):
    words = [word for word in TINY if "epochs" not in word]
    out = recsys("train", *words, "trainer.epochs=1", f"run_dir={tmp_path / 'run'}").out
    assert re.search(r"^needs about \d+ MB of memory \([\d.,]+ GB are free\)$", out, re.MULTILINE)


def test_a_container_may_have_less(monkeypatch, tmp_path):
    machine = memory.free_memory()
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 1000\n")
    (tmp_path / "max").write_text("500000\n")
    (tmp_path / "current").write_text("200000\n")
    monkeypatch.setattr(memory, "CGROUPS", ((str(tmp_path / "max"), str(tmp_path / "current")),))
    assert memory.free_memory() == 301_000 < machine
    (tmp_path / "max").write_text("max\n")
    assert memory.free_memory() > 10**8


def test_more_negatives_layers_and_dimensions_need_more():
    def total(model: str, *words: str) -> float:
        case = next(case for case in CASES if case.model == model)
        config = configured(case, 0, *words)
        need = type(start(case)[0]).memory(config.model, checkerboard())
        return sum(part.size for part in estimate.memory_parts(config, need, checkerboard()))

    assert total("bpr", "loss.negatives=8") > total("bpr")
    assert total("lightgcn", "model.embedding_size=64") > 4 * total("lightgcn", "model.embedding_size=8") / 8
    assert total("ghcf", "model.composition=subtraction") > total("ghcf")
    assert total("ghcf", "model.layers=4") > total("ghcf", "model.layers=2")
    assert total("item_knn") > total("item_knn", "model.neighbours=5")


def test_a_hundred_million_pairs_of_which_some_users_are_ranked():
    words = ["trainer.batch_size=31250", "evaluation.users=10000", "data.behaviours=[buy]"]
    config = compose("train", words, library())
    pairs = SimpleNamespace(nnz=10**8)
    dataset = SimpleNamespace(n_users=2_000_000, n_items=200_000, train={"buy": pairs}, target_train=pairs)

    def total() -> float:
        need = MatrixFactorization.memory(config.model, dataset)
        return sum(part.size for part in estimate.memory_parts(config, need, dataset))

    some = total()
    assert 5e9 < some < 9e9
    config.evaluation.users = None
    assert total() - some == pytest.approx(4e9)  # ranking everybody
    config.loss.batch = "items"
    assert total() > 2 * some, "a batch of so many items has many more pairs"
