from __future__ import annotations

import numpy as np
import pytest

from data_prep.contexts import of_ids
from data_prep.errors import UserError
from data_prep.features import Features, Field, gather
from data_prep.prepare import prepare
from recsys_cli.data.load import get_dataset

ITEMS = "item,genre,year,maker\n0,drama|comedy,1990,7\n3, comedy ,,07\n2,,2000.5,7\n"


def by_entity(features):
    """[(field, place within the field, number)] of every entity."""
    first = np.searchsorted(features.fields, np.arange(len(features.names)))
    found = []
    for start, end in zip(features.indptr, features.indptr[1:], strict=False):
        ids = features.indices[start:end]
        numbers = np.ones(len(ids)) if features.values is None else features.values[start:end]
        fields = features.fields[ids]
        names = [features.names[field] for field in fields]
        found.append(list(zip(names, (ids - first[fields]).tolist(), numbers.tolist(), strict=True)))
    return found


def test_several_values_numbers_and_missing_cells(tiny, raw):
    raw("items.csv", ITEMS)
    spec = {"file": "items.csv", "form": "table", "role": "item_features"}
    dataset = get_dataset(tiny([spec | {"several": {"genre": "|"}, "numbers": ["year"]}]))
    assert dataset.item_features.names == ("genre", "year", "maker")
    assert dataset.item_features.fields.tolist() == [0, 0, 1, 2, 2]  # comedy, drama; year; 07, 7
    assert by_entity(dataset.item_features) == [
        [("genre", 0, 1), ("genre", 1, 1), ("year", 0, 1990), ("maker", 1, 1)],
        [],
        [("year", 0, 2000.5), ("maker", 1, 1)],
        [("genre", 0, 1), ("maker", 0, 1)],
    ]


def test_fields_of_several_files_stand_side_by_side(tiny, raw):
    raw("items.csv", "item,genre\n0,a\n1,b\n")
    raw("more.txt", "0 5\n1 5\n2 6\n3 6\n")
    extra = [
        {"file": "items.csv", "form": "table", "role": "item_features"},
        {"file": "more.txt", "form": "integers", "role": "item_features", "columns": ["item", "shop"]},
    ]
    features = get_dataset(tiny(extra)).item_features
    assert features.names == ("genre", "shop") and features.indices.tolist() == [0, 2, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("item,genre\n0,a\n1,b\n0,c\n", {}, "items.csv, line 4: a second row of the item 0. .*several:"),
        ("item,genre\n0,a\n8,b\n", {}, "items.csv, line 3: item 8 is outside 0..3"),
        ("item,year\n0,a\n", {"numbers": ["year"]}, "items.csv, line 2: the year 'a' is not a number"),
        ("item,year\n0,a\n", {"numbers": ["yaer"]}, "no column 'yaer' .data.files.. Did you mean 'year'"),
        ("item\n0\n", {}, "at least one field are expected"),
        ("item,a\n 0,1\n", {}, "items.csv, line 2: the item ' 0' begins or ends with white space"),
    ],
)
def test_bad_features(tiny, raw, text, more, message):
    raw("items.csv", text)
    with pytest.raises(UserError, match=message):
        prepare(tiny([{"file": "items.csv", "form": "table", "role": "item_features", **more}]))


def test_part_of_the_entities():
    features = gather(
        [
            Field("colour", np.array([0, 0, 2]), np.array([1, 0, 1]), 2),
            Field("size", np.array([2, 1]), np.array([0, 0]), 1, np.array([2.5, 4], np.float32)),
        ],
        4,
    )
    part = features.take(np.array([2, 3, 0]))
    assert part.indptr.tolist() == [0, 2, 2, 4] and part.indices.tolist() == [1, 2, 0, 1]
    assert part.values.tolist() == [1, 2.5, 1, 1] and part.n_values == 3 and part.n_entities == 3
    again = Features.of_arrays(part.names, part.arrays("x"), "x")
    assert by_entity(again) == by_entity(part)


CONTEXTS = "user,weather,day,item\n1,sun,mo,a\n1,rain,mo,b\n2,sun,mo,a\n1,sun,mo,c\n2,sun,tu,01\n1,rain,mo,c\n"


def test_row_contexts_are_users_and_their_parts_features(csv_cfg):
    dataset = get_dataset(csv_cfg(CONTEXTS, context=["user", "weather", "day"], split="leave_one_out_last"))
    assert dataset.user_ids.tolist() == ["1|rain|mo", "1|sun|mo", "2|sun|mo", "2|sun|tu"]
    assert dataset.user_features.names == ("user", "weather", "day")
    fields = [[place for _, place, _ in entity] for entity in by_entity(dataset.user_features)]
    assert fields == [[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 1, 1]]
    held = {(dataset.user_ids[u], dataset.item_ids[i]) for u, i in zip(dataset.test.rows, dataset.test.indices)}
    assert held == {("1|rain|mo", "c"), ("1|sun|mo", "c")}


def test_ids_that_are_joined_already_are_taken_apart(csv_cfg):
    said = {"separator": "-", "names": ["who", "where"]}
    dataset = get_dataset(csv_cfg("user,item\n7-1,x\n7-2,x\n7-2,y\n", user_fields=said))
    assert by_entity(dataset.user_features) == [[("who", 0, 1), ("where", 0, 1)], [("who", 0, 1), ("where", 1, 1)]]
    with pytest.raises(UserError, match="names 2 parts, and the user id '8' has 1, separated by '-'"):
        prepare(csv_cfg("user,item\n7-1,x\n8,x\n8,y\n", user_fields=said))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (CONTEXTS, {"context": ["user", "wether"]}, "no column 'wether' .*Did you mean 'weather'"),
        (CONTEXTS.replace("sun", "s|n"), {"context": ["user", "weather"]}, r"the weather 's\|n' has a '\|'"),
        (CONTEXTS.replace("1,sun", "1,"), {"context": ["user", "weather"]}, "line 2: the weather is empty"),
        (CONTEXTS, {"context": "user"}, "list the columns that together are the context"),
        (CONTEXTS, {"user_fields": ["user"]}, "say of what ids are made"),
    ],
)
def test_bad_contexts(csv_cfg, text, options, message):
    with pytest.raises(UserError, match=message):
        prepare(csv_cfg(text, **options))


def test_parts_of_ids_have_values_of_their_own_unless_they_share_them():
    ids, said = np.array(["1-7", "7-7", "2-1"]), {"separator": "-", "names": ["item", "genre"]}
    own, shared = gather(of_ids(ids, "item", said)), gather(of_ids(ids, "item", said | {"shared": True}))
    assert own.names == ("item", "genre") and own.n_values == 5
    assert shared.names == ("item",) and shared.n_values == 3  # 1, 2, 7
    assert np.split(shared.indices, shared.indptr[1:-1])[0].tolist() == [0, 2]


def test_the_ids_become_one_more_field():
    features = gather([Field("a", np.array([0, 2]), np.array([1, 0]), 2)], 3).with_ids("user")
    assert features.names == ("user", "a") and features.fields.tolist() == [0, 0, 0, 1, 1]
    assert [entries.tolist() for entries in np.split(features.indices, features.indptr[1:-1])] == [[0, 4], [1], [2, 3]]
