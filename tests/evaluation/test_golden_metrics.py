"""The authors' evaluators, fed with the same scores: equal for every user."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.metrics import per_user_metrics
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.evaluation.ranking import rank_held_out
from tests.evaluation.cases import table
from tests.golden.golden import golden

# file, prefix of the pairs, recall divisor, NDCG
FILES = [
    ("enmf", "", "test_items", "ideal"),
    ("wmf", "", "test_items", "ideal"),
    ("bprmf", "", "test_items", "ideal"),
    ("lightgcn", "", "test_items", "ideal"),
    ("ehcf", "buy_", "min_k", "ideal"),
    ("ghcf", "buy_", "test_items", "kgat"),
]
NAMES = {"Recall": "recall", "NDCG": "ndcg", "Precision": "precision", "HR": "hit_ratio"}


def splits(arrays, prefix):
    shape = arrays["scores5"].shape
    return (CSR.from_pairs(*arrays[f"data/{prefix}{part}_pairs"].T, *shape) for part in ("train", "test"))


@pytest.mark.parametrize("name, prefix, divisor, ndcg", FILES)
def test_authors_metrics(name, prefix, divisor, ndcg):
    arrays, _ = golden(name)
    scores, users, cutoffs = arrays["scores5"], arrays["metric/users"], [int(k) for k in arrays["metric/K"]]
    train, test = splits(arrays, prefix)
    ranks = rank_held_out(table(scores), test, [train], scores.shape[1])
    np.testing.assert_array_equal(ranks.users, users)
    actual = per_user_metrics(ranks, cutoffs, list(NAMES), recall_divisor=divisor, ndcg=ndcg, kgat_depth=max(cutoffs))
    for k in cutoffs:
        for metric in ("Recall", "NDCG"):
            expected = arrays[f"metric/{NAMES[metric]}_per_user@{k}"]
            np.testing.assert_allclose(actual[f"{metric}@{k}"], expected, rtol=0, atol=1e-6)
    for metric, recorded in NAMES.items():
        if f"metric/{recorded}_mean" in arrays:
            means = [actual[f"{metric}@{k}"].mean() for k in cutoffs]
            np.testing.assert_allclose(means, arrays[f"metric/{recorded}_mean"], rtol=0, atol=1e-6)


def test_the_whole_protocol():
    arrays, _ = golden("enmf")
    scores = arrays["scores5"]
    train, test = splits(arrays, "")
    dataset = Dataset("golden", *scores.shape, "buy", {"buy": train}, test=test)
    result = evaluate(table(scores), dataset, "test", k=[5, 10, 20], metrics=["Recall", "NDCG"])
    for metric in ("Recall", "NDCG"):
        means = [result.means[f"{metric}@{k}"] for k in (5, 10, 20)]
        np.testing.assert_allclose(means, arrays[f"metric/{metric.lower()}_mean"], rtol=0, atol=1e-6)
