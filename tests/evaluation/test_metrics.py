"""Metrics against lists of hits: one user, one list, the definition."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.evaluation.metrics import check_cutoffs, per_user_metrics
from recsys_cli.evaluation.ranking import Ranks

ALL = ("HR", "Recall", "Precision", "F1", "NDCG", "MRR", "MAP", "AUC")
K = (1, 3, 10, 40)


def random_ranks(seed: int) -> Ranks:
    rng = np.random.default_rng(seed)
    n_candidates = rng.integers(40, 60, 30)
    lists = [1 + rng.permutation(n)[: rng.integers(1, 25)] for n in n_candidates]
    indptr = np.cumsum([0, *map(len, lists)])
    return Ranks(np.arange(30), indptr, np.zeros(indptr[-1], np.int32), np.concatenate(lists), n_candidates)


def by_definition(ranks: Ranks, divisor: str = "test_items", depth: int | None = None):
    for row, n in enumerate(ranks.n_candidates):
        hits = np.zeros(n)
        hits[ranks.ranks[ranks.indptr[row] : ranks.indptr[row + 1]] - 1] = 1
        n_test = int(hits.sum())
        ideal = np.sort(hits)[::-1] if depth is None else np.sort(hits[:depth])[::-1]
        values = {"AUC": np.mean([i < j for i in np.flatnonzero(hits) for j in np.flatnonzero(hits == 0)])}
        for k in K:
            found = hits[:k].sum()
            recall, precision = found / (n_test if divisor == "test_items" else min(k, n_test)), found / k
            at_hits = [hits[: i + 1].mean() for i in range(k) if hits[i]]
            values |= {
                f"HR@{k}": float(found > 0),
                f"Recall@{k}": recall,
                f"Precision@{k}": precision,
                f"F1@{k}": 2 / (1 / recall + 1 / precision) if found else 0.0,
                f"NDCG@{k}": dcg(hits[:k]) / dcg(ideal[:k]) if dcg(ideal[:k]) else 0.0,
                f"MRR@{k}": 1 / (1 + np.argmax(hits[:k])) if found else 0.0,
                f"MAP@{k}": sum(at_hits) / min(k, n_test),
            }
        yield values


def dcg(hits) -> float:
    return sum(hit / np.log2(place + 1) for place, hit in enumerate(hits, start=1))


@pytest.mark.parametrize("divisor", ["test_items", "min_k"])
@pytest.mark.parametrize("depth", [None, 40])
def test_definitions(divisor, depth):
    ranks = random_ranks(0)
    options = {"recall_divisor": divisor, "ndcg": "ideal" if depth is None else "kgat", "kgat_depth": 40}
    actual = per_user_metrics(ranks, K, ALL, **options)
    for row, expected in enumerate(by_definition(ranks, divisor, depth)):
        assert actual.keys() == expected.keys()
        for name, value in expected.items():
            assert actual[name][row] == pytest.approx(value, abs=1e-12), (row, name)


def test_one_held_out_item_has_closed_forms():
    ranks = Ranks(np.arange(3), np.arange(4), np.zeros(3, np.int32), np.array([1, 4, 11]), np.full(3, 21))
    m = per_user_metrics(ranks, [10], ALL)
    np.testing.assert_array_equal(m["HR@10"], [1, 1, 0])
    np.testing.assert_allclose(m["NDCG@10"], [1, 1 / np.log2(5), 0])
    np.testing.assert_allclose(m["MRR@10"], [1, 0.25, 0])
    np.testing.assert_allclose(m["AUC"], [1, 0.85, 0.5])


def test_kgat_looks_100_places_deep_whatever_k():
    ranks = Ranks(np.arange(1), np.array([0, 3]), np.zeros(3), np.array([2, 99, 150]), np.array([200]))
    deep = 1 / np.log2(3) / (1 + 1 / np.log2(3))  # two of three items are in the first 100
    assert per_user_metrics(ranks, [10], ["NDCG"], ndcg="kgat")["NDCG@10"][0] == pytest.approx(deep)


def test_all_candidates_held_out_leave_no_pair_to_order():
    ranks = Ranks(np.arange(1), np.array([0, 2]), np.zeros(2, np.int32), np.array([2, 1]), np.array([2]))
    assert per_user_metrics(ranks, [1], ["AUC"])["AUC"][0] == 0.5


def test_no_users_give_empty_arrays():
    empty = Ranks(*(np.zeros(n, np.int64) for n in (0, 1, 0, 0, 0)))
    assert all(v.shape == (0,) for v in per_user_metrics(empty, [5], ALL).values())


@pytest.mark.parametrize(
    "options, hint",
    [
        ({"metrics": ["NDGC"]}, "Did you mean 'NDCG'"),
        ({"recall_divisor": "k"}, "Valid: min_k, test_items"),
        ({"ndcg": "true"}, "Valid: ideal, kgat"),
    ],
)
def test_unknown_choices_name_the_valid_ones(options, hint):
    with pytest.raises(UserError, match=hint):
        per_user_metrics(random_ranks(1), [5], **options)


def test_cutoffs_beyond_the_items_are_refused():
    with pytest.raises(UserError, match="cut-off 0, 51 is not between 1 and 50"):
        check_cutoffs([0, 5, 51], 50)
