"""By groups of users and items, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.reports.scored import Scored, by_item_group, of_lists
from recsys_cli.statistics.spread import groups_by_count
from tests.tiny import dataset


@pytest.fixture
def scored() -> Scored:
    mask = np.zeros((4, 5))
    mask[:, 0] = 1  # item 0 has 4 users, 1 has 2, 2 has 1, 3 and 4 none
    mask[:2, 1] = 1
    mask[0, 2] = 1
    lists = np.array([[3, 4], [2, 3], [1, 2], [1, -1]], np.int32)
    items, ranks = np.array([3, 2, 1, 4]), np.array([1, 3, 1, 2])
    return Scored(dataset(buy=mask), np.arange(4, dtype=np.int32), lists, items, ranks, 0)


def test_items_by_their_training_pairs(scored):
    groups = groups_by_count(scored.dataset.target_train.col_counts, bounds=[0, 2])
    assert groups.names == ["0", "1-2", "3 or more"]
    none, few, many = by_item_group(scored, groups, 2)
    assert none == pytest.approx([2, 0, 3 / 7, 2, 1.0])
    assert few == pytest.approx([2, 3 / 7, 4 / 7, 2, 0.5])
    assert many[:4] == pytest.approx([1, 4 / 7, 0, 0]) and np.isnan(many[4])


def test_lists_of_a_group(scored):
    found = of_lists(scored, scored.lists[2:])
    assert found["Coverage@2"] == pytest.approx(2 / 5) and "Diversity@2" not in found
    assert found["Novelty@2"] == pytest.approx(((1 + 2) / 2 + 1) / 2)
