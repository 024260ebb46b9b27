"""Lists of the best items against sorted ones."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.evaluation import topk
from recsys_cli.evaluation.blocks import ScoreError
from recsys_cli.evaluation.lists import beyond_accuracy
from recsys_cli.evaluation.topk import top_k
from tests.evaluation.cases import random_case, ranked_items, table


@pytest.fixture(params=[1, 10**6], ids=["partition", "selections"])
def either(request, monkeypatch):
    """Both ways to find the best items."""
    monkeypatch.setattr(topk, "LONG", request.param)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("seed", range(12))
def test_lists_are_the_head_of_the_sorted_list(seed):
    case, rng = random_case(seed, ties=seed % 3 > 0), np.random.default_rng(seed)
    k = int(rng.integers(1, case.scores.shape[1] + 1))
    users = rng.permutation(len(case.scores))
    items, scores = top_k(table(case.scores), users, case.seen, case.scores.shape[1], k)
    for row, user in enumerate(users):
        best = ranked_items(case, user)[:k]
        empty = k - len(best)
        assert items[row].tolist() == best + [-1] * empty
        assert scores[row].tolist() == case.scores[user, best].tolist() + [-np.inf] * empty


@pytest.mark.usefixtures("either")
def test_zeros_of_both_signs_are_equal():
    scores = tf.constant([[-0.0, 0.0, -1.0, -0.0, 0.0, -2.0, -0.5]] * 2)
    items, _ = top_k(lambda ids: tf.gather(scores, ids), [1, 0], [], 7, 6)
    assert items.tolist() == [[0, 1, 3, 4, 6, 2]] * 2


@pytest.mark.usefixtures("either")
def test_scores_that_are_not_finite_are_refused():
    scores = np.zeros((20, 9), np.float32)
    scores[17] = np.nan
    with pytest.raises(ScoreError, match="user 17"):
        top_k(table(scores), np.arange(20), [], 9, 5)


@pytest.mark.usefixtures("either")
def test_without_history_and_without_users():
    case = random_case(1)
    n_items = case.scores.shape[1]
    items, _ = top_k(table(case.scores), [0], [], n_items, n_items)
    assert items[0].tolist() == ranked_items(case._replace(seen=[]), 0)
    assert top_k(table(case.scores), [], [], n_items, 2)[0].shape == (0, 2)


def test_lists_longer_than_the_items_are_refused():
    with pytest.raises(UserError, match="cut-off 5 is not between 1 and 4"):
        top_k(table(np.zeros((1, 4), np.float32)), [0], [], 4, 5)


def test_spread_of_lists():
    equal = beyond_accuracy(np.array([[0, 1], [2, 3]]), 4)
    assert equal == {"Coverage@2": 1.0, "Gini@2": 0.0}
    one_item = beyond_accuracy(np.array([[3], [3], [3]]), 4)
    assert one_item == {"Coverage@1": 0.25, "Gini@1": 0.75}  # 1 - 1 / n
    counts = np.array([0, 1, 2, 2])  # lists with an empty place
    gini = np.abs(counts[:, None] - counts).mean() / (2 * counts.mean())
    assert beyond_accuracy(np.array([[1, 2], [3, 2], [3, -1]]), 4)["Gini@2"] == pytest.approx(gini)
