"""Errors of predicted ratings and rankings by them, against what is counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.data.ratings import Ratings
from recsys_cli.evaluation import rated
from recsys_cli.evaluation.protocol import EvaluationSettings, check, evaluate
from tests.evaluation.cases import table
from tests.tiny import csr

OPTIONS = {"protocol": "rating", "k": [1, 2], "metrics": ["MAE", "RMSE", "UserMAE", "UserRMSE", "Precision", "NDCG"]}


def of_stars(stars) -> CSR:
    stars = np.array(stars, np.float32)
    pairs = csr(stars > 0)
    return replace(pairs, values=stars[pairs.rows, pairs.indices])


# User 0: train 4 1 - - - -, test items 2 (4.5) and 4 (2). User 1: train - 5 3 ..., test item 0 (5). Item 5 is in no train.
TRAIN = of_stars([[4, 1, 0, 0, 0, 0], [0, 5, 3, 0, 4.5, 0], [2, 0, 0, 3, 0, 0]])
TEST = of_stars([[0, 0, 4.5, 0, 2, 0], [5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]])
DATA = Dataset("toy", 3, 6, "rate", {"rate": TRAIN}, test=TEST)
SCORES = np.array([[1, 2, 3.5, 9, 4, 0], [4, 3, 2, 1, 5, 0], [3, 3, 3, 3, 3, -7]], np.float32)


def evaluated(**options):
    return evaluate(table(SCORES), DATA, "test", **{**OPTIONS, **options})


def test_errors_over_pairs_and_over_users():
    """Item 5 is unknown: user 2 has a mean of 2.5, for a rating of 1."""
    found = evaluated()
    errors = [[1.0, 2.0], [1.0], [1.5]]
    assert found.means["MAE"] == pytest.approx(np.mean(np.concatenate(errors)))
    assert found.means["RMSE"] == pytest.approx(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
    assert found.means["UserMAE"] == pytest.approx(np.mean([np.mean(e) for e in errors]))
    assert found.means["UserRMSE"] == pytest.approx(np.mean([np.sqrt(np.mean(np.square(e))) for e in errors]))
    assert found.warning.startswith("1 of 4 test ratings are of a user or an item without ratings in train")


def test_predictions_are_cut_to_the_scale():
    scores = np.full((3, 6), 99, np.float32)
    found = evaluate(table(scores), DATA, "test", **OPTIONS).means["MAE"]
    assert found == pytest.approx((0.5 + 3 + 0 + 1.5) / 4)  # 5 is the highest in train
    wider = evaluate(table(scores), replace(DATA, rating_scale=(1.0, 6.0)), "test", **OPTIONS).means["MAE"]
    assert wider == pytest.approx((1.5 + 4 + 1 + 1.5) / 4)


def test_rankings_by_predicted_rating():
    """Relevant are item 2 of user 0, third of the four unseen and second of two in the test, and item 0 of user 1."""
    found = evaluated().means
    assert found["Precision@1"] == 0.5 and found["Precision@2"] == 0.25
    assert found["test-Precision@1"] == 0.5 and found["test-Precision@2"] == 0.5
    assert found["NDCG@2"] == 0.5 and found["test-NDCG@2"] == pytest.approx((1 / np.log2(3) + 1) / 2)


def test_candidates_that_are_not_liked():
    """Of user 0 only item 0 is liked in train: item 1 (score 2) stands among the candidates, below item 2."""
    found = evaluated(candidates=["not_liked"], k=[3], metrics=["Precision"], relevance=1.0)
    assert found.means.keys() == {"not_liked-Precision@3"}
    lower = evaluated(candidates=["not_liked"], k=[1], metrics=["MRR"])
    assert lower.per_user["not_liked-MRR@1"].values.tolist() == [0, 1, 0]


@pytest.mark.parametrize("ndcg, gain", [("exponential", lambda r: 2**r - 1), ("value", lambda r: r)])
def test_graded_ndcg(ndcg, gain):
    """User 0: item 4 (2) is second of the unseen 3, 4, 2, 5 and first in the test, item 2 (4.5) third and second; user 1:
    item 0 (5) first; user 2: item 5 (1) last of the unseen, whatever it is worth."""
    found = evaluated(ndcg=ndcg, k=[1, 3], metrics=["NDCG", "Precision"], candidates=["unseen", "test"])
    ideal = gain(4.5) + gain(2) / np.log2(3)
    first = [gain(2) / np.log2(3) + gain(4.5) / np.log2(4), gain(2) + gain(4.5) / np.log2(3)]
    assert found.per_user["NDCG@3"].tolist() == pytest.approx([first[0] / ideal, 1, 0])
    assert found.per_user["test-NDCG@3"].tolist() == pytest.approx([first[1] / ideal, 1, 1])
    assert found.means["NDCG@1"] == pytest.approx(1 / 3)
    assert found.means["test-NDCG@1"] == pytest.approx((gain(2) / gain(4.5) + 2) / 3)
    assert found.means["Precision@1"] == evaluated().means["Precision@1"]


def test_graded_ndcg_needs_ratings():
    with pytest.raises(UserError, match="evaluation.ndcg=value goes by ratings: it needs evaluation=rating"):
        evaluate(table(SCORES), DATA, "test", k=[1], ndcg="value")


def test_many_items_of_a_user_are_looked_up_in_pieces(monkeypatch):
    whole = rated.predictions(table(SCORES), TEST, 64)
    monkeypatch.setattr(rated, "PIECE", 1)
    assert whole.tolist() == [3.5, 4, 4, -7] == rated.predictions(table(SCORES), TEST, 64).tolist()


def plain(pairs):
    return replace(pairs, values=None)


@pytest.mark.parametrize(
    "dataset, sentence",
    [
        (replace(DATA, train={"rate": plain(TRAIN)}), "data=toy has no ratings in train: name their column"),
        (replace(DATA, test=plain(TEST)), "data=toy has no ratings in test"),
        (replace(DATA, train={"rate": replace(TRAIN, values=TRAIN.values * 0 + 3)}), "every rating in train is 3"),
        (
            replace(DATA, train={"rate": of_stars([[4, 1, 0, 0, 0, 0], [0] * 6, [0] * 6])}),
            "1 user has ratings in train",
        ),
        (replace(DATA, test=replace(TEST, values=TEST.values * np.nan)), "4 of 4 pairs in test have no rating"),
    ],
)
def test_data_that_cannot_be_evaluated(dataset, sentence):
    with pytest.raises(UserError, match=sentence):
        check(dataset, "test", EvaluationSettings(**OPTIONS))


def test_a_relevance_that_nothing_has():
    with pytest.raises(UserError, match=r"evaluation.relevance=6: no test rating is as high \(the highest is 5\)"):
        evaluated(relevance=6.0)


def test_errors_need_the_protocol():
    with pytest.raises(UserError, match="evaluation.metrics=MAE is of predicted ratings: it needs evaluation=rating"):
        evaluate(table(SCORES), DATA, "test", k=[1], metrics=["MAE"])


def test_means_of_users_and_items():
    found = Ratings(DATA)
    assert (found.low, found.high) == (1, 5) and found.mean == pytest.approx(22.5 / 7)
    assert found.user_means.tolist() == pytest.approx([2.5, 12.5 / 3, 2.5])
    assert found.item_means.tolist() == pytest.approx([3, 3, 3, 3, 4.5, 22.5 / 7])
