"""The tables of the page are those that come of what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.workers import Costs, Data, costs_of, efficiency, epoch_hours, forecast, most_workers, step_of

COSTS = Costs(item=1e-6, row=1e-6, pair=1e-7, wire=4.0)
DATA = Data(pairs=1e9, users=2e7, items=1e6)


def test_the_page_has_the_tables_of_what_was_measured():
    page = (Path(__file__).parents[2] / "docs" / "distributed.md").read_text()
    assert forecast(costs_of()) in page


def test_one_worker_sends_nothing_and_two_half_of_their_items_twice():
    assert step_of(DATA, 1, 512, COSTS, 1e9).sent == 0
    assert step_of(DATA, 2, 512, COSTS, 1e9).sent == 4 * DATA.items * 64


def test_what_each_worker_does_for_all_items_bounds_them():
    """By hand: 1 s / 32 cores for items; 8,192 users with 50 pairs each are 8,192 (1 + 5) us."""
    items, users = 1.0, 8192 * 6e-6
    hours = 2e7 / 8192 * (items + users / 4) / 32 / 3600
    assert epoch_hours(DATA, 4, 8192, COSTS, float("inf")) == pytest.approx(hours)
    assert efficiency(DATA, 4, 8192, COSTS, float("inf")) == pytest.approx((items + users) / (4 * items + users))
    assert most_workers(DATA, 8192, COSTS, float("inf")) == 2
    assert most_workers(DATA, 131_072, COSTS, float("inf")) == 2
    assert most_workers(DATA, 10 * 131_072, COSTS, 1e12) == 8
