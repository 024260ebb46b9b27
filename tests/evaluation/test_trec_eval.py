"""Metrics against trec_eval (pip install pytrec-eval-terrier), which had no part in writing ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recsys_cli.evaluation.metrics import per_user_metrics
from recsys_cli.evaluation.ranking import rank_held_out
from tests.evaluation.cases import random_case, table
from tests.evaluation.test_metrics import random_ranks

NAMES = {"HR": "success", "Recall": "recall", "Precision": "P", "NDCG": "ndcg_cut", "MAP": "map_cut"}


def check(
    actual: dict[str, np.ndarray], truth: dict[str, dict], run: dict[str, dict], cutoffs: list[int], deepest: int
):
    """Rows of `actual` are the keys of `truth`. deepest: the cut-off that cuts nothing, for MRR."""
    trec_eval = pytest.importorskip("pytrec_eval", reason="pip install -e '.[test]' brings it")
    measures = {f"{theirs}.{','.join(map(str, cutoffs))}" for theirs in NAMES.values()} | {"recip_rank"}
    found = trec_eval.RelevanceEvaluator(truth, measures).evaluate(run)
    assert found.keys() == truth.keys()
    for row, (user, relevant) in enumerate(truth.items()):
        assert actual[f"MRR@{deepest}"][row] == pytest.approx(found[user]["recip_rank"], abs=1e-9)
        for k in cutoffs:
            for ours, theirs in NAMES.items():
                expected = found[user][f"{theirs}_{k}"]
                if ours == "MAP":  # trec_eval divides by all held-out items
                    expected *= len(relevant) / min(k, len(relevant))
                assert actual[f"{ours}@{k}"][row] == pytest.approx(expected, abs=1e-9), (user, ours, k)


def test_trec_eval_agrees_on_ranks():
    ranks, cutoffs = random_ranks(3), [1, 5, 20]
    actual = per_user_metrics(ranks, [*cutoffs, 100], [*NAMES, "MRR"])
    truth, run = {}, {}
    for row, n in enumerate(ranks.n_candidates):
        truth[str(row)] = {str(r): 1 for r in ranks.ranks[ranks.indptr[row] : ranks.indptr[row + 1]].tolist()}
        run[str(row)] = {str(r): float(-r) for r in range(1, n + 1)}
    check(actual, truth, run, cutoffs, 100)


@pytest.mark.parametrize("seed", range(6))
def test_trec_eval_agrees_on_scores_with_ties(seed):
    """Ours go to the lower item, those of trec_eval to the name that comes last in the alphabet."""
    case, cutoffs = random_case(seed), [1, 3, 7]
    n_items = case.scores.shape[1]
    ranks = rank_held_out(table(case.scores), case.held_out, case.seen, n_items)
    actual = per_user_metrics(ranks, [*cutoffs, n_items], [*NAMES, "MRR"])
    truth, run = {}, {}
    for user in ranks.users.tolist():
        seen = {item for history in case.seen for item in history.row(user).tolist()}
        truth[str(user)] = {f"{n_items - item:03}": 1 for item in case.held_out.row(user).tolist()}
        run[str(user)] = {
            f"{n_items - item:03}": score for item, score in enumerate(case.scores[user].tolist()) if item not in seen
        }
    assert any(len(set(scores.values())) < len(scores) for scores in run.values()), "there are ties"
    check(actual, truth, run, cutoffs, n_items)


def test_the_test_extra_brings_trec_eval():
    """Without it the tests above are skipped."""
    root = Path(__file__).parents[2]
    for file in ("pyproject.toml", "constraints.txt"):
        assert "pytrec-eval-terrier" in (root / file).read_text(), file
