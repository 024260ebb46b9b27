"""A signal in a field is found by models of fields, and by it they beat a model of ids."""

from __future__ import annotations

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.load import get_dataset
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.training.build import build_learner, build_model

DATA = ["data.contexts=true", "data.users=150", "data.items=120", "data.interactions=1800"]
CHOSEN = ["loss.negative_weight=0.3", "model.dropout=0.5", "model.embedding_size=32", "trainer.batch_size=128"]


def hit_ratio(model: str, data, *words: str) -> float:
    config = compose("train", [f"model={model}", "~tuned", *DATA, *CHOSEN, *words], library(""), quick=True)
    built = build_model(config.model, data, 0)
    learner = build_learner(config, built)
    for epoch in range(40):
        learner.run(0, learner.begin(epoch), 0.0)
    return evaluate(built.scorer(), data, "test", k=[20], metrics=["HR"], bootstrap=0).means["HR@20"]


def test_ensfm_finds_what_a_moment_is_for(tmp_path):
    data = get_dataset(compose("train", [*DATA, f"data.cache_dir={tmp_path}"], library(""), quick=True).data)
    ensfm, blind, enmf = (
        hit_ratio("ensfm", data),
        hit_ratio("ensfm", data, "model.user_fields=[user,age,region]"),
        hit_ratio("enmf", data),
    )
    assert ensfm > blind + 0.05 and ensfm > enmf + 0.08
