"""The tables of the page are those that come of what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.workers import Costs, Data, Way, costs_of, efficiency, epoch_minutes, forecast, most_workers, step_of

COSTS = Costs(vector=1e-6, pair=1e-7, wire=4.0, message=1e-4)
FREE = COSTS._replace(message=0.0)
DATA = Data(pairs=1e9, users=2e7, items=1e6)


def test_the_page_has_the_tables_of_what_was_measured():
    page = (Path(__file__).parents[2] / "docs" / "distributed.md").read_text()
    assert forecast(costs_of()) in page


def test_what_a_step_sends():
    users, items = Way("users", 512), Way("items", 512)
    assert step_of(DATA, 1, users, COSTS, 1e9)[1:] == step_of(DATA, 1, items, COSTS, 1e9)[1:] == (0, 0)
    two, three = step_of(DATA, 2, users, COSTS, 1e9), step_of(DATA, 3, items, COSTS, 1e9)
    assert two.sent == 4 * DATA.items * 64 and two.wire == two.sent / 1e9 + 2e-4
    assert three.sent == pytest.approx(4 / 3 * 4 * 512 * 64) and three.wire == three.sent / 1e9 + 4e-4


def test_steps_of_users_are_bounded_by_what_each_worker_does_for_all_items():
    """By hand: 1 s / 32 cores for items; 8,192 users with 50 pairs each are 8,192 (1 + 5) us."""
    items, users, way = 1.0, 8192 * 6e-6, Way("users", 8192)
    minutes = 2e7 / 8192 * (items + users / 4) / 32 / 60
    assert epoch_minutes(DATA, 4, way, FREE, float("inf")) == pytest.approx(minutes)
    assert efficiency(DATA, 4, way, FREE, float("inf")) == pytest.approx((items + users) / (4 * items + users))
    assert most_workers(DATA, way, FREE, 1e12) == 2
    assert most_workers(DATA, Way("users", 10 * 131_072), FREE, 1e12) == 8


def test_steps_of_items_share_out_all_but_the_items_of_the_step():
    """By hand: 20 s for users, and 1,000 pairs of 0.1 us for each of 512 items, are shared; 512 us are not."""
    minutes = 1e6 / 512 * ((20 + 512 * 1000 * 1e-7) / 16 + 512e-6) / 32 / 60
    way = Way("items", 512)
    assert epoch_minutes(DATA, 16, way, FREE, float("inf")) == pytest.approx(minutes)
    assert most_workers(DATA, way, FREE, 1e12) == 256 and most_workers(DATA, way, COSTS, 1e12) == 32
