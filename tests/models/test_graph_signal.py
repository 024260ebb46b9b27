"""What the triples tell is what JNSKR gains: on synthetic data, whose genres and brands say who likes what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.load import get_dataset
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.training.build import build_learner, build_model

SPARSE = ("data.behaviours=[buy]", "data.users=300", "data.items=200", "data.interactions=1500")  # five buys a user
USUAL = ("~tuned", "model.embedding_size=16", "trainer.batch_size=64", "loss.batch=items", "loss.popularity=0.5")


def recall(dataset, *words: str) -> float:
    config = compose("train", [*USUAL, *SPARSE, "loss.negative_weight=20", *words], library(""), quick=True)
    model = build_model(config.model, dataset, 0)
    learner = build_learner(config, model)
    for epoch in range(30):
        learner.run(0, learner.begin(epoch), 0.0)
    return evaluate(model.scorer(), dataset, "test", k=[10], metrics=["Recall"], bootstrap=0).means["Recall@10"]


@pytest.mark.slow
def test_jnskr_gains_from_triples_and_from_shuffled_ones_nothing(tmp_path):
    """Measured: 0.20 without triples, 0.34 with them, 0.17 with tails exchanged between the triples of a relation."""
    config = compose("train", ["~tuned", *SPARSE, f"data.cache_dir={tmp_path}"], library(""), quick=True)
    dataset, rng = get_dataset(config.data), np.random.default_rng(0)
    triples = dataset.graph.triples.copy()
    for relation in np.unique(triples[:, 1]):
        own = triples[:, 1] == relation
        triples[own, 2] = rng.permutation(triples[own, 2])
    shuffled = replace(dataset, graph=replace(dataset.graph, triples=triples))
    plain = recall(dataset, "model=enmf", "model.dropout=0.5")
    jnskr = ("model=jnskr", "model.item_dropout=0.5", "model.graph_dropout=0.2")
    assert recall(dataset, *jnskr) > 1.3 * plain
    assert recall(shuffled, *jnskr) < 1.1 * plain
