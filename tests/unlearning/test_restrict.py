"""A restricted data set holds exactly the rows it should, under new ids; the copy can be read back."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.data.dataset import CSR, Dataset, Features, KnowledgeGraph
from recsys_cli.data.load import load_prepared
from recsys_cli.unlearning.data_copy import arrays_of, digest, write_copy
from recsys_cli.unlearning.restrict import all_pairs, restricted, shard_of, without_orphans

USERS, ITEMS = np.array(["ann", "bob", "cleo", "maximilian"]), np.array([10, 20, 30, 40, 50])
VIEW, BUY = (
    {("ann", 10), ("ann", 20), ("bob", 30), ("cleo", 30), ("maximilian", 50)},
    {("ann", 10), ("bob", 40), ("cleo", 50)},
)
TEST, FRIENDS = (
    {("ann", 30), ("cleo", 40), ("bob", 20)},
    {("ann", "bob"), ("bob", "cleo"), ("cleo", "maximilian")},
)
TRIPLES = {(10, 0, "red"), (20, 1, 10), (50, 0, 30), (40, 1, "blue")}
OTHERS = ["red", "blue"]


def matrix(pairs, rows, cols, ratings=False) -> CSR:
    places = [{raw: p for p, raw in enumerate(side.tolist())} for side in (rows, cols)]
    found = CSR.from_pairs(*zip(*((places[0][u], places[1][i]) for u, i in pairs)), len(rows), len(cols))
    return CSR(found.indptr, found.indices, found.n_cols, found.rows * 10.0 + found.indices) if ratings else found


@pytest.fixture
def data() -> Dataset:
    entity = {raw: e for e, raw in enumerate([*ITEMS.tolist(), *OTHERS])}
    triples = np.array(sorted((entity[h], r, entity[t]) for h, r, t in TRIPLES), np.int32)
    test = matrix(TEST, USERS, ITEMS)
    negatives = np.array([[0, 4], [2, 3], [1, 0]], np.int32)
    return Dataset(
        "tiny",
        4,
        5,
        "buy",
        {"view": matrix(VIEW, USERS, ITEMS), "buy": matrix(BUY, USERS, ITEMS, ratings=True)},
        test=test,
        test_negatives=negatives,
        friends=matrix(FRIENDS, USERS, USERS),
        graph=KnowledgeGraph(triples, 7, 2),
        user_features=Features.of_codes({"age": np.array([0, 1, 2, 0])}),
        user_ids=USERS,
        item_ids=ITEMS,
    )


def raw(data: Dataset, csr: CSR) -> set:
    return set(zip(data.user_ids[csr.rows].tolist(), data.item_ids[csr.indices].tolist()))


def test_rows_of_a_shard(data):
    """Pairs of all behaviours are shared out; a pair lies in one shard with all of its behaviours."""
    pairs = all_pairs(data)
    assert raw(data, pairs) == VIEW | BUY
    assignment = np.array([0, 1, 0, 1, 0, 1, 1])[: pairs.nnz]
    shards = [shard_of(data, pairs, assignment, k) for k in (0, 1)]
    for behaviour, rows in (("view", VIEW), ("buy", BUY)):
        parts = [raw(part, part.train[behaviour]) for part, _, _ in shards]
        assert parts[0] | parts[1] == rows and not parts[0] & parts[1]
    for k, (part, users, items) in enumerate(shards):
        own = assignment == k
        assert (users == np.unique(pairs.rows[own])).all() and (part.user_ids == USERS[users]).all()
        assert part.n_items == len(items) and part.test is None and part.test_negatives is None
        buys = part.train["buy"]
        assert [10.0 * users[u] + items[i] for u, i in zip(buys.rows, buys.indices)] == buys.values.tolist()


def test_users_and_items_that_leave_take_all_of_theirs_along(data):
    part = restricted(data, np.array([0, 2, 3]), np.array([0, 2, 3, 4]))  # without bob and 20
    assert raw(part, part.train["view"]) == {("ann", 10), ("cleo", 30), ("maximilian", 50)}
    assert raw(part, part.test) == {("ann", 30), ("cleo", 40)}
    friends = {(part.user_ids[a], part.user_ids[b]) for a, b in zip(part.friends.rows, part.friends.indices)}
    assert friends == {("cleo", "maximilian")}
    entities = [*part.item_ids.tolist(), *OTHERS]
    assert {(entities[h], r, entities[t]) for h, r, t in part.graph.triples} == TRIPLES - {(20, 1, 10)}
    assert part.graph.n_entities == 6 and part.user_features.indices.tolist() == [0, 2, 0]
    # ann's candidates 10 and 50 stay; of cleo's, 20 gives way to her test item 40, and 10 stays
    assert part.item_ids[part.test_negatives].tolist() == [[10, 50], [40, 10]]


def test_the_copy_holds_the_same_and_tells_nothing_of_what_left(data, tmp_path):
    write_copy(tmp_path / "whole", data)
    again = load_prepared(tmp_path / "whole")
    assert digest(again) == digest(data)
    one, other = arrays_of(data), arrays_of(again)
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
    without = restricted(data, np.array([0, 1, 2]), np.arange(5))
    assert arrays_of(without)["user_ids"].dtype == np.dtype("U4"), "maximilian would leave its length"


def test_ids_that_lost_their_last_pair_leave(data):
    """In any split and behaviour; those with one stay, also where it is held out only, and those that never had one."""
    from dataclasses import replace

    train = {"view": matrix({("cleo", 30)}, USERS, ITEMS), "buy": matrix({("ann", 10)}, USERS, ITEMS)}
    left = replace(data, train=train, test=matrix({("bob", 20)}, USERS, ITEMS), test_negatives=None)
    part = without_orphans(left, data)
    assert (part.user_ids.tolist(), part.item_ids.tolist()) == (["ann", "bob", "cleo"], [10, 20, 30])
    assert raw(part, part.test) == {("bob", 20)} and raw(part, part.train["view"]) == {("cleo", 30)}
    assert without_orphans(part, data) is part
    alone = replace(data, train={**data.train, "view": matrix(VIEW - {("maximilian", 50)}, USERS, ITEMS)})
    assert without_orphans(left, alone).user_ids.tolist() == USERS.tolist()


def test_notes_on_the_data_are_not_copied(data, tmp_path):
    from dataclasses import replace

    write_copy(tmp_path / "copy", replace(data, notes=("1 users of test have no training pair",)))
    assert load_prepared(tmp_path / "copy").notes == ()


def test_the_digest_sees_every_change(data):
    from dataclasses import replace

    changed = [
        replace(data, train={**data.train, "view": matrix(VIEW - {("bob", 30)}, USERS, ITEMS)}),
        replace(data, user_ids=np.array(["ann", "bob", "cleo", "max"])),
        replace(data, target="view"),
        replace(data, test=matrix(TEST - {("ann", 30)}, USERS, ITEMS)),
        replace(data, friends=None),
    ]
    assert len({digest(data), *map(digest, changed)}) == 1 + len(changed)
