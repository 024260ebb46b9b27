from __future__ import annotations

import numpy as np
import pytest

from data_prep.features import Features
from recsys_cli.evaluation import lists


def test_novelty_is_the_mean_self_information_of_the_items():
    items = np.array([[0, 1], [2, -1], [-1, -1]])
    assert lists.novelty(items, np.array([8, 4, 0]), 8).tolist() == [(0 + 1) / 2, 3.0, 0.0]


def slow_diversity(items: np.ndarray, vectors: np.ndarray) -> list[float]:
    found = []
    for row in items:
        own = [vectors[i] / np.linalg.norm(vectors[i]) for i in row if i >= 0 and vectors[i].any()]
        cosines = [a @ b for n, a in enumerate(own) for m, b in enumerate(own) if n != m]
        found.append(1 - np.mean(cosines) if cosines else 0.0)
    return found


@pytest.mark.parametrize("cells", [1, 1 << 22])
@pytest.mark.parametrize("numbers", [False, True])
def test_diversity_is_one_less_the_mean_cosine(monkeypatch, cells, numbers):
    monkeypatch.setattr(lists, "CELLS", cells)
    random = np.random.default_rng(0)
    vectors = (random.random((9, 5)) < 0.5) * (random.random((9, 5)) if numbers else 1.0)
    vectors[3] = 0
    rows, columns = np.nonzero(vectors)
    indptr = np.searchsorted(rows, np.arange(10))
    values = vectors[rows, columns].astype(np.float32) if numbers else None
    features = Features(("f",), indptr.astype(np.int64), columns.astype(np.int32), np.zeros(5, np.int32), values)
    items = np.array([[0, 1, 2, 4], [3, 5, -1, -1], [3, 6, 7, -1], [8, 8, 0, 1]])
    assert lists.diversity(items, features) == pytest.approx(slow_diversity(items, vectors), abs=1e-6)
