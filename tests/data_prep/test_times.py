"""What training knows of the time after the held-out events."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from data_prep.prepare import prepare
from recsys_cli.data.load import get_dataset

# ann's last buy is at 50, bob's at 30; eve only views.
LOG = """user,item,event,time
ann,x,buy,10
ann,y,buy,50
bob,x,buy,20
bob,z,buy,30
ann,z,view,9
ann,y,view,49
ann,w,view,50
bob,z,view,29
bob,y,view,45
ann,x,view,8
ann,x,view,60
eve,q,view,55
"""


@pytest.fixture
def prepared(csv_cfg):
    def make(text=LOG, **options):
        return get_dataset(csv_cfg(text, **{"behaviours": ["view", "buy"], **options}))

    return make


def raw_pairs(dataset, csr):
    return {f"{dataset.user_ids[u]}{dataset.item_ids[i]}" for u, i in zip(csr.rows, csr.indices, strict=True)}


def test_events_after_the_held_out_one_are_counted_and_cut_on_demand(prepared):
    kept = prepared()
    assert raw_pairs(kept, kept.train["view"]) == {"annz", "anny", "annw", "bobz", "boby", "annx", "eveq"}
    assert "2 pairs of 'view' (28.6%) are at or after the first held-out event of their user" in kept.warnings[0]
    cut = prepared(cut_auxiliary=True)
    assert raw_pairs(cut, cut.train["view"]) == {"annz", "anny", "bobz", "annx", "eveq"}
    assert "2 pairs of 'view' at or after the held-out part were cut" in " ".join(cut.notes)
    assert not cut.warnings and "w" not in cut.item_ids.tolist()  # of which nothing is known any more


def test_validation_moves_the_cut_forward(prepared):
    text = LOG + "ann,q,buy,48\n"
    cut = prepared(text, cut_auxiliary=True, validation="leave_one_out_last")
    assert raw_pairs(cut, cut.valid) == {"annq"}
    assert raw_pairs(cut, cut.train["view"]) == {"annz", "annx", "bobz", "eveq"}  # ann from 48 on, bob from 30 on


@pytest.mark.parametrize(
    "options", [{"split": "time", "split_time": 45}, {"split": "time_ratio", "test_ratio": 0.25, "split_time": None}]
)
def test_a_split_by_time_cuts_all_behaviours(prepared, options):
    dataset = prepared(**options)
    assert raw_pairs(dataset, dataset.test) == {"anny"}
    late = {"anny", "annw", "boby", "eveq"} if options["split_time"] else {"annw", "eveq"}
    everything = {"annz", "anny", "annw", "bobz", "boby", "annx", "eveq"}
    assert raw_pairs(dataset, dataset.train["view"]) == everything - late  # what was seen before stays
    assert len(prepared(**options, cut_auxiliary=False).train["view"].indices) == 7


def test_a_cold_user_of_a_split_by_time_is_there_and_counted(prepared):
    dataset = prepared(LOG + "new,x,buy,70\n", split="time", split_time=45)
    assert raw_pairs(dataset, dataset.test) == {"anny", "newx"} and "new" in dataset.user_ids.tolist()
    assert "1 users of test have no training pair." in dataset.notes


def test_a_repeated_purchase_was_known_before_a_split_by_time(prepared):
    text = "user,item,time\na,x,1\na,x,9\na,y,8\nb,x,2\n"
    dataset = prepared(text, behaviours=None, split="time", split_time=5)
    assert raw_pairs(dataset, dataset.target_train) == {"ax", "bx"} and raw_pairs(dataset, dataset.test) == {"ay"}
    latest = prepared(text, behaviours=None, split="leave_one_out_last")
    assert raw_pairs(latest, latest.test) == {"ax"}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (LOG, {"behaviours": ["buy"]}, "no behaviour besides the target 'buy' to cut"),
        ("user,item,event\na,x,view\na,x,buy\na,y,buy\n", {}, "needs times, and 'test' has none"),
    ],
)
def test_a_cut_that_cannot_be_made_is_refused(csv_cfg, text, options, message):
    with pytest.raises(UserError, match=message):
        prepare(csv_cfg(text, **{"behaviours": ["view", "buy"], "cut_auxiliary": True, **options}))
