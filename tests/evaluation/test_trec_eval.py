"""Metrics against trec_eval (pip install pytrec-eval-terrier), which had no part in writing ours."""

from __future__ import annotations

import pytest

from recsys_cli.evaluation.metrics import per_user_metrics
from tests.evaluation.test_metrics import random_ranks

pytrec_eval = pytest.importorskip("pytrec_eval")
NAMES = {"HR": "success", "Recall": "recall", "Precision": "P", "NDCG": "ndcg_cut", "MAP": "map_cut"}


def test_trec_eval_agrees():
    ranks, cutoffs = random_ranks(3), [1, 5, 20]
    actual = per_user_metrics(ranks, [*cutoffs, 100], [*NAMES, "MRR"])
    truth, run = {}, {}
    for row, n in enumerate(ranks.n_candidates):
        truth[str(row)] = {str(r): 1 for r in ranks.ranks[ranks.indptr[row] : ranks.indptr[row + 1]]}
        run[str(row)] = {str(r): float(-r) for r in range(1, n + 1)}
    measures = {f"{theirs}.{','.join(map(str, cutoffs))}" for theirs in NAMES.values()} | {"recip_rank"}
    for row, values in pytrec_eval.RelevanceEvaluator(truth, measures).evaluate(run).items():
        n_test = len(truth[row])
        for k in cutoffs:
            for ours, theirs in NAMES.items():
                expected = values[f"{theirs}_{k}"]
                if ours == "MAP":  # trec_eval divides by all held-out items
                    expected *= n_test / min(k, n_test)
                assert actual[f"{ours}@{k}"][int(row)] == pytest.approx(expected, abs=1e-9)
        assert actual["MRR@100"][int(row)] == pytest.approx(values["recip_rank"], abs=1e-9)
