"""Links between behaviours and weights of their tasks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.settings import fields_of
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.behaviours import behaviour_tasks, causal_links
from recsys_cli.models.ehcf import EHCF
from tests.models.behaviours import BEHAVIOURS, N_ITEMS, N_USERS, dataset


@pytest.mark.parametrize(
    "setting, expected",
    [
        (None, {"view": [], "cart": ["view"], "buy": ["view", "cart"]}),
        ("none", {"view": [], "cart": [], "buy": []}),
        ({}, {"view": [], "cart": [], "buy": []}),
        ({"cart": ["view"], "buy": ["cart", "cart"]}, {"view": [], "cart": ["view"], "buy": ["cart"]}),
        ({"view": ["buy"], "cart": ["buy", "view"]}, {"buy": [], "view": ["buy"], "cart": ["buy", "view"]}),
    ],
)
def test_causal_links(setting, expected):
    links = causal_links(setting, BEHAVIOURS)
    assert links == expected
    names = list(links)
    assert all(names.index(source) < names.index(name) for name in names for source in links[name])


@pytest.mark.parametrize(
    "setting, part",
    [
        ({"carts": ["view"]}, "'carts', which is not among the behaviours view, cart, buy. Did you mean 'cart'"),
        ({"buy": ["vew"]}, "Did you mean 'view'"),
        ({"buy": ["buy"]}, "circle: buy -> buy"),
        ({"buy": ["cart"], "cart": ["buy"]}, "circle"),
    ],
)
def test_causal_links_refused(setting, part):
    with pytest.raises(UserError, match=part):
        causal_links(setting, BEHAVIOURS)


@pytest.mark.parametrize(
    "value, valid",
    [
        (None, True),
        ("none", True),
        ({}, True),
        ({"cart": ["view"], "buy": []}, True),
        ("all", False),
        ({"cart": "view"}, False),
        ({"cart": [1]}, False),
        (["view"], False),
    ],
)
def test_form_of_causal_links_on_the_command_line(value, valid):
    assert fields_of(EHCF.Settings)["causal"].kind.accepts(value) == valid


def test_task_weights():
    assert [task.weight for task in behaviour_tasks(dataset(), None)] == [1 / 3] * 3
    tasks = behaviour_tasks(dataset(), {"buy": 2, "view": 0, "cart": 0.5})
    assert [(task.name, task.weight) for task in tasks] == [("view", 0.0), ("cart", 0.5), ("buy", 2.0)]


def test_a_target_without_pairs_cannot_be_left_out():
    empty = CSR.from_pairs(np.array([], int), np.array([], int), N_USERS, N_ITEMS)
    data = Dataset("tiny", N_USERS, N_ITEMS, "buy", {**dataset(("view", "cart")).train, "buy": empty})
    with pytest.raises(UserError, match="'buy': it is the target"):
        behaviour_tasks(data, None)


@pytest.mark.parametrize(
    "weights, part",
    [
        ({"view": 1, "cart": 1}, "names view, cart, but the behaviours of data=tiny are view, cart, buy"),
        ({"view": 1, "cart": 1, "by": 1}, "Did you mean 'buy'"),
        ({"view": 0, "cart": 0, "buy": 0}, "one of them > 0"),
        ({"view": 1, "cart": -1, "buy": 1}, ">= 0"),
        ({"view": 1, "cart": float("nan"), "buy": 1}, ">= 0"),
    ],
)
def test_task_weights_refused(weights, part):
    with pytest.raises(UserError, match=part):
        behaviour_tasks(dataset(), weights)


def test_a_behaviour_without_interactions_is_refused():
    data = dataset()
    data.train["cart"] = CSR.from_pairs([], [], N_USERS, N_ITEMS)
    with pytest.raises(UserError, match=r"'cart': leave it out with data.behaviours=\[view,buy\]"):
        behaviour_tasks(data, None)
