"""Settings classes: what their fields may hold, in words and in fact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.settings import MANDATORY, Settings, changed, field, fields_of


@dataclass(frozen=True)
class Base(Settings):
    size: int = field(8, "of it", low=1, high=10)
    name: str = field("a", "of it", fixed=True, suggested=("a", "b"))


@dataclass(frozen=True)
class Own(Base):
    size: int = changed(Base, "size", 4)
    rate: float = field(0.1, "of it", low=0, below=1)
    above: float = field(1.0, "of it", above=0)
    on: bool = field(True, "or not")
    way: str = field("up", "to go", choices=("up", "down"))
    side: Literal["left", "right"] = "left"
    file: str | None = field(None, "to write", pattern=(r".*\.csv", "a name that ends in .csv"))
    list: list[int] = field([1, 2], "of them", low=1)
    names: list[str] = field([], "of them")
    weights: float | dict[str, float] | None = field(None, "of them", low=0)
    links: dict[str, list[str]] | Literal["none"] | None = field(None, "between them")
    plain: int = 3
    unknown: Undefined = 2.5  # noqa: F821 - a name that the annotation cannot mean


GOOD = {
    "size": [1, 10],
    "rate": [0, 0.5],
    "above": [0.1, 3],
    "on": [True, False],
    "way": ["up", "down"],
    "side": ["right"],
    "file": [None, "x.csv"],
    "list": [[1]],
    "names": [[], ["a"]],
    "weights": [None, 0, 0.5, {"a": 1}],
    "links": [None, "none", {}, {"a": ["b"], "c": []}],
    "plain": [-1],
    "unknown": [1, 0.5],
}
BAD = {
    "size": [0, 11, 1.0, True, "1", None],
    "rate": [1, -0.1, math.nan, math.inf, True, "0"],
    "above": [0, math.inf],
    "on": [1, "true", None],
    "way": ["left", 1, ["up"], None],
    "side": ["up"],
    "file": ["", "x.txt", 1],
    "list": [[], [0], 1, ["a"], [True]],
    "names": ["a", [1], [""], None],
    "weights": [-1, {}, {"a": -1}, {"a": "b"}],
    "links": ["all", {"a": "b"}, ["a"]],
    "plain": [0.5, None],
    "unknown": ["a", True],
}
WORDS = {
    "size": "an integer >= 1 and <= 10",
    "rate": "a number >= 0 and < 1",
    "above": "a number > 0",
    "on": "true or false",
    "way": "one of up, down",
    "file": "a name that ends in .csv, or null",
    "list": "a list such as [a,b], each an integer >= 1",
    "weights": "a number >= 0, or a mapping such as {cart:0.8,buy:0.2} of numbers >= 0, or null",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_field_may_hold(name):
    kind = fields_of(Own)[name].kind
    assert all(map(kind.accepts, GOOD[name])) and not any(map(kind.accepts, BAD[name]))
    assert fields_of(Own)[name].help or name in ("side", "plain", "unknown")


@pytest.mark.parametrize("name", WORDS)
def test_it_is_said_in_words(name):
    assert fields_of(Own)[name].kind.valid == WORDS[name]


def test_a_changed_field_keeps_all_but_its_default():
    assert Own().size == 4 and Base().size == 8
    assert fields_of(Own)["size"]._replace(default=8, kind=None) == fields_of(Base)["size"]._replace(kind=None)
    with pytest.raises(UserError, match="size: expected an integer >= 1 and <= 10, received 0"):
        Own(size=0)


def test_values_are_checked_when_settings_are_made():
    with pytest.raises(UserError, match=r"way: expected one of up, down, received 'upp' \(str\); default up\. Did you"):
        Own(way="upp")
    with pytest.raises(AttributeError):
        Own().size = 5


def test_from_a_node_of_a_config():
    node = OmegaConf.create({"_target_": "x.Y", "size": 3, "rate": "${size}", "list": [4]})
    with pytest.raises(UserError, match="model.rate: expected a number >= 0 and < 1, received 3"):
        Own.from_config(node, "model")
    node.rate = 0.5
    made = Own.from_config(node, "model")
    assert made == Own(size=3, rate=0.5, list=[4]) and Own.from_config(made) is made
    with pytest.raises(UserError, match="unknown key 'model.siez'. Did you mean 'size'?"):
        Own.from_config({"siez": 3}, "model")


def test_lists_are_not_shared():
    Own().list.append(3)
    assert Own().list == [1, 2]


def test_a_field_without_default_is_mandatory():
    @dataclass(frozen=True)
    class Needy(Settings):
        run: str

    assert fields_of(Needy)["run"].default == MANDATORY
