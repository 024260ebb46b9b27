"""Friends beside interactions of one's own, and what a table of them may look like."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from data_prep.options import read_options
from data_prep.prepare import prepare
from data_prep.statistics import format_report
from data_prep.store import read_manifest
from recsys_cli.data.load import get_dataset

LOG = "user;item\nann;a\nann;b\n007;a\n007;c\nbob;b\nbob;c\n"


@pytest.fixture
def with_friends(csv_cfg, tmp_path):
    """make(text of the table of friends, **options) -> configuration"""

    def make(text, name="friends.csv", **options):
        (tmp_path / name).write_text(text)
        return csv_cfg(LOG, friends_path=str(tmp_path / name), delimiter=";", **options)

    return make


def named(dataset):
    ids = dataset.user_ids
    return {(ids[a], ids[b]) for a, b in zip(dataset.friends.rows, dataset.friends.indices)}


def test_friends_are_told_by_their_header(with_friends):
    """The delimiter and the columns of the interactions are not those of the friends."""
    for text in ("user,friend\nann,007\nbob,ann\n", "since,Trustee,TRUSTER\n1,007,ann\n2,ann,bob\n"):
        assert named(get_dataset(with_friends(text))) == {("ann", "007"), ("bob", "ann")}


def test_strangers_repetitions_and_oneself(with_friends):
    config = with_friends("user,friend\nann,007\nann,007\nann,7\nzoe,ann\nbob,bob\n")
    assert named(get_dataset(config)) == {("ann", "007"), ("bob", "bob")}
    report = format_report(read_manifest(prepare(config)))
    for told in ("2 rows of friends.csv name ids", "1 repeated friend pairs", "1 users are their own friend"):
        assert told in report


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann,007\nbob,ann\n", "friends.csv: no column looks like the user; its columns are ann, 007. Let its first"),
        ("user,weight\nann,1\n", "no column looks like the friend"),
        ("user,friend,trustee\nann,007,bob\n", "several columns look like the friend"),
        ("user,friend\n", "friends.csv has a header and no rows"),
        (
            "user,friend\n1,2\n3,4\n",
            "no row .2 read. is of two users with interactions.*for example, 1 and 2, here 007",
        ),
        ("user,friend\nann, bob\n", "friends.csv, line 2: the friend ' bob'"),
    ],
)
def test_what_cannot_be_friends_is_refused(with_friends, text, message):
    with pytest.raises(UserError, match=message):
        get_dataset(with_friends(text))


def test_the_key_is_for_data_of_ones_own(tiny):
    with pytest.raises(UserError, match="data.friends_path=.*f.csv is for data.source=csv"):
        read_options(tiny(friends_path="f.csv"))


def test_other_friends_are_another_data_set(with_friends):
    one, other = (prepare(with_friends(f"user,friend\nann,{friend}\n")) for friend in ("007", "bob"))
    assert one != other
