"""The sampled protocol against lists ranked one by one."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.evaluation.sampled import draw_negatives, rank_among, sampled_metrics
from tests.evaluation.cases import random_case, table
from tests.tiny import csr


@pytest.mark.parametrize("seed", range(4))
def test_ranks_among_negatives(seed):
    case, rng = random_case(seed), np.random.default_rng(seed)
    held_out, n_items = case.held_out, case.scores.shape[1]
    negatives = np.argsort(rng.random((held_out.nnz, n_items)), axis=1)[:, : n_items // 2]
    contained = (negatives == held_out.indices[:, None]).any(axis=1)
    assert contained.any() and not contained.all()
    ranks = rank_among(table(case.scores), held_out, negatives, n_items)
    for row, (user, item) in enumerate(zip(held_out.rows, held_out.indices)):
        candidates = sorted({item, *negatives[row]}, key=lambda v: (-case.scores[user, v], v))
        assert ranks.ranks[row] == 1 + candidates.index(item)
        assert ranks.n_candidates[row] == len(candidates) == n_items // 2 + (not contained[row])


def test_metrics_average_over_the_lists_of_a_user():
    scores = np.array([[5, 4, 3, 2, 1], [1, 2, 3, 4, 5]], np.float32)
    held_out = csr(np.array([[1, 0, 0, 1, 0], [1, 0, 0, 0, 0]], bool))
    negatives = np.array([[1, 2], [1, 2], [3, 4]])
    users, values = sampled_metrics(rank_among(table(scores), held_out, negatives, 5), [1, 3], ["HR", "MRR"])
    assert users.tolist() == [0, 1]
    assert values["sampled-HR@1"].tolist() == [0.5, 0]
    np.testing.assert_allclose(values["sampled-MRR@3"], [(1 + 1 / 3) / 2, 1 / 3])


def test_drawn_negatives_are_distinct_unknown_and_uniform():
    rng = np.random.default_rng(0)
    part = rng.choice(3, (400, 12), p=[0.8, 0.1, 0.1])
    part[part.sum(axis=1) == 0, 0] = 1
    held_out, seen = csr(part == 1), csr(part == 2)
    free = (part == 0)[held_out.rows]
    n = int(free.sum(axis=1).min())
    drawn = draw_negatives(held_out, [seen], n, 7, "test")
    assert drawn.shape == (held_out.nnz, n) and all(len(set(row)) == n for row in drawn)
    assert np.take_along_axis(free, drawn, axis=1).all()
    expected = (free * (n / free.sum(axis=1, keepdims=True))).sum(axis=0)
    counts = np.bincount(drawn.ravel(), minlength=12)
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))
    np.testing.assert_array_equal(drawn, draw_negatives(held_out, [seen], n, 7, "test"))
    assert not np.array_equal(drawn, draw_negatives(held_out, [seen], n, 8, "test"))


def test_users_with_too_few_unknown_items_are_named():
    held_out, seen = csr(np.array([[1, 0, 0]], bool)), csr(np.array([[0, 1, 0]], bool))
    with pytest.raises(UserError, match="user 0 .*leaves 1 items to draw 2 negatives"):
        draw_negatives(held_out, [seen], 2, 0, "test")


def test_a_list_of_negatives_for_each_pair():
    case = random_case(0)
    with pytest.raises(UserError, match="gives 0 lists of negatives"):
        rank_among(table(case.scores), case.held_out, np.zeros((0, 3), int), case.scores.shape[1])
