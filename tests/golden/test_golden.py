"""The reader itself: a result cannot be read, and an array that no test looks at is named."""

from __future__ import annotations

import pytest

from tests.golden.golden import Golden


def test_what_is_not_compared_is_named():
    golden = Golden("bprmf")
    for key in golden.keys("*") - {"loss/reg", "grad1/item_embedding"}:
        golden.check(key, golden._arrays[key])
    with pytest.raises(AssertionError, match=r"grad1/item_embedding.*loss/reg"):
        golden.check_nothing_is_left()
    with pytest.raises(AssertionError, match="loss/reg"):
        golden.check_nothing_is_left({"grad1/*": "a reason"})
    with pytest.raises(AssertionError, match="no such keys"):
        golden.check_nothing_is_left({"loss/*": "a reason", "grad1/*": "a reason", "step9/*": "not in the file"})


def test_results_cannot_be_read():
    with pytest.raises(KeyError, match="is a result"):
        Golden("bprmf").given("scores5")
