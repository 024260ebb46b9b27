"""Ranks by counting against sorted lists."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.evaluation import ranking
from recsys_cli.evaluation.blocks import ScoreError
from recsys_cli.evaluation.ranking import rank_held_out
from recsys_cli.models.base import Factors
from tests.evaluation.cases import random_case, ranked_items, table
from tests.tiny import csr


def rank(case, scorer=None):
    return rank_held_out(scorer or table(case.scores), case.held_out, case.seen, case.scores.shape[1])


@pytest.mark.parametrize("seed", range(12))
def test_ranks_are_places_in_the_sorted_list(seed):
    case = random_case(seed, ties=seed % 3 > 0)
    ranks = rank(case)
    assert list(ranks.users) == [u for u in range(len(case.scores)) if len(case.held_out.row(u))]
    for row, user in enumerate(ranks.users):
        expected, pairs = ranked_items(case, user), slice(ranks.indptr[row], ranks.indptr[row + 1])
        assert list(ranks.items[pairs]) == list(case.held_out.row(user))
        assert list(ranks.ranks[pairs]) == [1 + expected.index(v) for v in case.held_out.row(user)]
        assert ranks.n_candidates[row] == len(expected)


@pytest.mark.parametrize("n_items", [1, 31, 32, 33, 96, 1000])
def test_ranks_are_counts_of_what_comes_before(n_items):
    """Few and many held-out items, equal scores everywhere, and lists around the length of a run of the counting pass."""
    rng = np.random.default_rng(n_items)
    scores = rng.integers(-2, 3, (40, n_items)).astype(np.float32)
    part = np.where(rng.random(scores.shape) < rng.random((40, 1)) / 2, 1, 2 * (rng.random(scores.shape) < 0.3))
    part[0] = 1  # everything
    ranks = rank_held_out(table(scores), csr(part == 1), [csr(part == 2)], n_items)
    item = np.arange(n_items)
    expected = [
        1 + np.sum((part[u] != 2) & ((scores[u] > scores[u, v]) | ((scores[u] == scores[u, v]) & (item < v))))
        for u, v in np.argwhere(part == 1)
    ]
    assert ranks.ranks.tolist() == expected


def test_sorting_gives_what_counting_gives(monkeypatch):
    """Zeros of both signs, and numbers so small that TensorFlow takes them for zeros, are equal."""
    rng = np.random.default_rng(5)
    part = rng.choice(3, (30, 50), p=[0.5, 0.3, 0.2])
    scores = rng.choice(np.array([-1, -1e-40, -0.0, 0, 1e-40, 1, 2], np.float32), part.shape)
    given, found = tf.constant(scores), []
    for long in (0, 50):  # all sorted, all counted
        monkeypatch.setattr(ranking, "LONG", long)
        ranks = rank_held_out(partial(tf.gather, given), csr(part == 1), [csr(part == 2)], 50)
        found.append(ranks.ranks)
    np.testing.assert_array_equal(*found)


def test_factors_and_functions_are_scorers():
    rng = np.random.default_rng(0)
    case = random_case(1)
    shape = case.scores.shape
    users, items = (rng.integers(-2, 3, (n, 5)) for n in shape)  # small whole numbers: products are exact
    scores = tf.constant(users @ items.T, tf.float32)
    expected = rank(case._replace(scores=scores.numpy())).ranks
    factors = Factors(tf.constant(users, tf.float32), tf.constant(items, tf.float32))
    np.testing.assert_array_equal(rank(case, factors).ranks, expected)
    np.testing.assert_array_equal(rank(case, lambda ids: tf.gather(scores, ids)).ranks, expected)


def test_without_history_all_items_are_candidates():
    case = random_case(2)._replace(seen=[])
    ranks = rank(case)
    assert set(ranks.n_candidates) == {case.scores.shape[1]}
    user, item = ranks.users[0], ranks.items[0]
    assert ranks.ranks[0] == 1 + ranked_items(case, user).index(item)


def test_ranks_follow_a_renumbering_of_the_items():
    case = random_case(3, ties=False)
    order = np.random.default_rng(0).permutation(case.scores.shape[1])  # item order[j] becomes item j
    renumber = np.argsort(order)
    moved = case._replace(
        scores=case.scores[:, order],
        held_out=_moved(case.held_out, renumber),
        seen=[_moved(s, renumber) for s in case.seen],
    )
    before, after = rank(case), rank(moved)
    old = dict(zip(zip(case.held_out.rows, renumber[before.items]), before.ranks))
    new = dict(zip(zip(moved.held_out.rows, after.items), after.ranks))
    assert old == new


def _moved(matrix, renumber):
    return type(matrix).from_pairs(matrix.rows, renumber[matrix.indices], matrix.n_rows, matrix.n_cols)


@pytest.mark.parametrize("change", [lambda s: s * 7.0, lambda s: s - 3.0], ids=["scaled", "shifted"])
def test_order_preserving_changes_of_the_scores_change_nothing(change):
    case = random_case(4)
    np.testing.assert_array_equal(rank(case._replace(scores=change(case.scores))).ranks, rank(case).ranks)


def test_another_user_changes_nothing():
    case = random_case(5)
    more = np.zeros((1, case.scores.shape[1]), bool)
    more[0, 0] = True
    grown = case._replace(
        scores=np.vstack([case.scores, case.scores[:1]]),
        held_out=csr(np.vstack([_dense(case.held_out), more])),
        seen=[csr(np.vstack([_dense(s), ~more])) for s in case.seen],
    )
    ranks = rank(grown)
    np.testing.assert_array_equal(ranks.ranks[:-1], rank(case).ranks)
    assert ranks.ranks[-1] == ranks.n_candidates[-1] == 1


def _dense(matrix):
    mask = np.zeros((matrix.n_rows, matrix.n_cols), bool)
    mask[matrix.rows, matrix.indices] = True
    return mask


def test_subnormal_scores_are_zero():
    tiny = np.float32(1e-39)
    scores = np.array([[0, tiny, -tiny, 0, 2 * tiny]], np.float32)
    held_out = csr(np.array([[False, False, False, False, True]]))
    assert rank_held_out(table(scores), held_out, [], 5).ranks.tolist() == [5]
    factors = Factors(tf.constant([[1e-20]]), tf.constant([[0], [1e-19], [-1e-19], [0], [2e-19]]))
    assert rank_held_out(factors, held_out, [], 5).ranks.tolist() == [5]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_infinite_and_undefined_scores_are_refused(wrong):
    case = random_case(6)
    user = case.held_out.rows[-1]
    scores = case.scores.copy()
    scores[user, 0] = wrong
    with pytest.raises(ScoreError, match=f"user {user} .*not finite.*learning_rate"):
        rank(case, lambda ids: tf.gather(scores, ids))


def test_history_that_holds_the_truth_is_refused():
    case = random_case(7)
    n = case.held_out.nnz
    with pytest.raises(UserError, match=f"the data set: {n} of {n} held-out pairs"):
        rank(case._replace(seen=[case.held_out]))


def test_nothing_held_out_gives_no_ranks():
    case = random_case(8)
    ranks = rank(case._replace(held_out=csr(np.zeros_like(case.scores, bool))))
    assert ranks.users.size == ranks.ranks.size == 0 and list(ranks.indptr) == [0]


def test_too_little_memory_says_how_much_is_needed():
    case = random_case(9)
    with pytest.raises(UserError, match="memory_mb=1 is too little.*evaluation.memory_mb=49 or more"):
        rank_held_out(table(case.scores), case.held_out, [], 100_000, memory_mb=1)
