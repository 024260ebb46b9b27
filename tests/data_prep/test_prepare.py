from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepare import prepare
from data_prep.statistics import format_report
from data_prep.store import read_manifest
from recsys_cli.data.load import get_dataset, load_prepared

from .conftest import TRAIN


def pairs(csr):
    return set(zip(csr.rows.tolist(), csr.indices.tolist(), strict=True))


def by_entity(features):
    return [part.tolist() for part in np.split(features.indices, features.indptr[1:-1])]


def test_a_source_with_all_companions(tiny, raw):
    raw("pairs.negative", "(1,0)\t2\t1\n(2,2)\t1\t1\n(0,3)\t0\t2\n")
    raw("trust.csv", "uid,sid\n0,1\n2,0\n0,1\n1,1\n")
    raw("kg.txt", "0 5 9\n3 7 0\n0 5 9\n9 7 20\n")
    raw("items.csv", "item,genre,year\n0,drama,1990\n2,action,2000\n3,drama,2000\n")
    raw("names.txt", "100\n101\n107\n109\n")
    extra = [
        {"file": "pairs.negative", "form": "candidates", "role": "negatives"},
        {"file": "trust.csv", "form": "integers", "header": True, "role": "friends"},
        {"file": "kg.txt", "form": "integers", "role": "triples"},
        {"file": "items.csv", "form": "table", "role": "item_features"},
        {"file": "names.txt", "form": "integers", "role": "item_ids"},
    ]
    dataset = get_dataset(tiny(extra))
    assert (dataset.n_users, dataset.n_items, dataset.target, dataset.behaviours) == (
        3,
        4,
        "buy",
        ("cart", "buy"),
    )
    assert pairs(dataset.target_train) == {(0, 0), (0, 1), (0, 2), (1, 1), (1, 3), (2, 0), (2, 3)}
    assert pairs(dataset.train["cart"]) == {(0, 0), (0, 3), (2, 1)}
    assert pairs(dataset.test) == {(0, 3), (1, 0), (2, 2)} and dataset.valid is None
    assert dataset.test_negatives.tolist() == [[0, 2], [2, 1], [1, 1]]
    assert pairs(dataset.friends) == {(0, 1), (2, 0), (1, 1)}
    # entities 9 and 20 follow the four items; relations 5 and 7 become 0 and 1; one triple is repeated
    assert sorted(dataset.graph.triples.tolist()) == [[0, 0, 4], [3, 1, 0], [4, 1, 5]]
    assert (dataset.graph.n_entities, dataset.graph.n_relations) == (6, 2)
    assert dataset.item_features.names == ("genre", "year")
    # genres action, drama; years 1990, 2000; nothing is known of item 1
    assert by_entity(dataset.item_features) == [[1, 2], [], [0, 3], [1, 3]]
    assert dataset.item_features.fields.tolist() == [0, 0, 1, 1] and dataset.item_features.values is None
    assert dataset.item_ids.tolist() == [100, 101, 107, 109] and dataset.user_ids.tolist() == [0, 1, 2]


def test_the_manifest_and_its_report(tiny):
    published = {"table": "table 1", "users": 3, "items": 4, "buy": 11, "view": 99}
    path = prepare(tiny(published=published, notes=["Mind the gap."]))
    manifest = read_manifest(path)
    assert manifest["sources"][1]["file"] == "train.txt" and manifest["sources"][1]["bytes"] == len(TRAIN)
    assert manifest["statistics"]["test"]["in_auxiliary"] == {"cart": 1}
    report = format_report(manifest)
    lines = [" ".join(line.split()) for line in report.splitlines()]
    assert "users 3 3" in lines and "cart 3" in lines
    assert "buy 10 11 train 7, test 3; differs by -1" in lines
    assert "view - 99 not in this data set" in lines
    assert "- Mind the gap." in lines and "- 1 of the 3 test pairs (33.3%) are in 'cart'." in lines


def test_what_a_reader_should_know(tiny, raw):
    raw("train.txt", "0 0 0 1\n1 1 3\n")
    notes = " ".join(get_dataset(tiny()).notes)
    for part in (
        "1 repeated pairs of 'buy' count once.",
        "1 users have no training pair of the target behaviour.",
        "1 users of test have no training pair.",
        "1 items of test (1 pairs) have no training pair of the target.",
    ):
        assert part in notes


def test_prepared_once_and_anew_for_other_bytes_or_options(tiny, raw):
    first = prepare(tiny())
    stamp = (first / "manifest.json").stat().st_mtime_ns
    assert prepare(tiny()) == first and (first / "manifest.json").stat().st_mtime_ns == stamp
    assert prepare(tiny(validation="ratio", valid_ratio=0.3)) != first
    raw("cart.txt", "0 0 3\n2 2\n")
    second = prepare(tiny())
    assert second != first and second.name.startswith("tiny-")
    assert load_prepared(first).content_hash != load_prepared(second).content_hash


def test_a_validation_part_by_name_leaves_train(tiny, raw):
    raw("valid_from_1.txt", "1 3\n3 1\n")
    extra = [{"file": "valid_from_1.txt", "form": "lines", "role": "valid", "validation": "extra", "first_id": 1}]
    assert get_dataset(tiny(extra)).valid is None
    dataset = get_dataset(tiny(extra, validation="extra"))
    assert pairs(dataset.valid) == {(0, 2), (2, 0)}
    assert pairs(dataset.target_train) == {(0, 0), (0, 1), (1, 1), (1, 3), (2, 3)}
    with pytest.raises(UserError, match="Did you mean 'extra'"):
        prepare(tiny(extra, validation="extr"))


def test_ids_with_gaps_are_refused_declared_or_renumbered(tiny, raw):
    raw("train.txt", "0 0 1 2\n1 1 3\n2 0 7\n")
    with pytest.raises(UserError, match=r"item ids go up to 7, but 3 of them never occur, first 4.*remap_ids=true"):
        prepare(tiny())
    assert get_dataset(tiny(n_items=8)).n_items == 8
    dataset = get_dataset(tiny(remap_ids=True))
    assert dataset.item_ids.tolist() == [0, 1, 2, 3, 7]
    assert (2, 4) in pairs(dataset.target_train)


@pytest.mark.parametrize("declared", [{"n_items": 3}, {"n_users": 2}])
def test_an_id_beyond_the_declared_size_names_the_line(tiny, declared):
    with pytest.raises(UserError, match=r"(cart|train).txt, line \d: the (item|user) id (3|2) is outside 0..[12]"):
        prepare(tiny(**declared))


@pytest.mark.parametrize(
    ("name", "content", "form", "role", "message"),
    [
        (
            "n.txt",
            "(0,3) 0 2\n(1,0) 2\n",
            "candidates",
            "negatives",
            "n.txt, line 2: 2 candidates are expected",
        ),
        ("n.txt", "(0,3) 0 9\n", "candidates", "negatives", "n.txt, line 1: a candidate is outside 0..3"),
        (
            "n.txt",
            "(0,3) 0\n",
            "candidates",
            "negatives",
            "No candidates are given for the test pair of user 1",
        ),
        ("f.txt", "0 1\n1 8\n", "integers", "friends", "f.txt, line 2: user or friend 1, 8 is outside 0..2"),
        ("i.txt", "5\n6\n", "integers", "item_ids", "i.txt has 2 lines and no raw id for number 2"),
        ("t.txt", "0 1\n", "integers", "triples", "t.txt, line 1: 3 columns are expected, received 2"),
        ("t.txt", "0 1 2\n", "lins", "triples", "The form 'lins' .* Did you mean 'lines'"),
    ],
)
def test_bad_companions(tiny, raw, name, content, form, role, message):
    raw(name, content)
    with pytest.raises(UserError, match=message):
        prepare(tiny([{"file": name, "form": form, "role": role}]))


LOG = """user,item,event,stars,time
ann,x,view,,1
ann,x,buy,5,2
bob,x,buy,1,3
bob,y,buy,4,9
ann,z,buy,4,8
ann,y,view,,4
bob,z,buy,5,6
eve,q,view,,7
"""


def raw_pairs(dataset, csr):
    return {(str(dataset.user_ids[u]), str(dataset.item_ids[i])) for u, i in pairs(csr)}


def test_csv_with_behaviours_ratings_and_times(csv_cfg):
    dataset = get_dataset(csv_cfg(LOG, behaviours=["view", "buy"]))
    assert dataset.user_ids.tolist() == ["ann", "bob", "eve"] and dataset.item_ids.tolist() == [
        "q",
        "x",
        "y",
        "z",
    ]
    assert raw_pairs(dataset, dataset.train["view"]) == {("ann", "x"), ("ann", "y"), ("eve", "q")}
    assert raw_pairs(dataset, dataset.test) == {("ann", "z"), ("bob", "y")}
    assert raw_pairs(dataset, dataset.target_train) == {("ann", "x"), ("bob", "x"), ("bob", "z")}
    assert dataset.target_train.values.tolist() == [5, 1, 5]


def test_csv_filters_and_renumbers(csv_cfg):
    dataset = get_dataset(csv_cfg(LOG, behaviours=["buy"], min_rating=4.0))
    assert dataset.user_ids.tolist() == ["ann", "bob"] and dataset.item_ids.tolist() == ["x", "y", "z"]
    with pytest.raises(UserError, match="No 'buy' interaction is left after data.k_core=4"):
        prepare(csv_cfg(LOG, behaviours=["buy"], k_core=4))


def test_csv_of_several_behaviours_asks_for_their_order(csv_cfg):
    with pytest.raises(UserError, match=r"several behaviours: buy \(5\), view \(3\)\..*data.behaviours="):
        prepare(csv_cfg(LOG))
    with pytest.raises(UserError, match="no behaviour 'bye' .* Did you mean 'buy'"):
        prepare(csv_cfg(LOG, behaviours=["view", "bye"]))


def test_csv_with_a_given_test_part(csv_cfg, tmp_path):
    (tmp_path / "test.csv").write_text("user,item\n1,30\n2,10\n")
    cfg = csv_cfg("user,item\n1,10\n1,20\n2,20\n", test_path=str(tmp_path / "test.csv"), split="given")
    dataset = get_dataset(cfg)
    assert dataset.behaviours == ("interaction",) and dataset.item_ids.tolist() == ["10", "20", "30"]
    assert raw_pairs(dataset, dataset.test) == {("1", "30"), ("2", "10")}


def test_csv_without_times_takes_the_order_of_rows(csv_cfg):
    dataset = get_dataset(csv_cfg("user,item\n1,9\n1,8\n2,9\n1,7\n2,7\n", validation="leave_one_out_last"))
    assert raw_pairs(dataset, dataset.test) == {("1", "7"), ("2", "7")}
    assert raw_pairs(dataset, dataset.valid) == {("1", "8")}


def test_a_table_as_a_file_of_a_source(tiny, raw):
    raw("log.tsv", "u\ti\n0\t1\n0\t2\n1\t2\n")
    raw("trust.csv", "user,friend\n0,1\n5,0\n")
    files = [
        {"file": "log.tsv", "form": "table", "role": "train", "columns": {"user": "u", "item": "i"}},
        {"file": "trust.csv", "form": "table", "role": "friends"},
    ]
    dataset = get_dataset(tiny() | {"files": files, "behaviours": ["buy"], "remap_ids": True, "split": "ratio"})
    assert dataset.item_ids.tolist() == ["1", "2"] and pairs(dataset.friends) == {(0, 1)}
    assert "1 rows of trust.csv name ids without interactions" in " ".join(dataset.notes)


def test_ids_that_differ_in_writing_are_different_ids(csv_cfg):
    rows = [(user, item) for user in ("001", "1", "1.0") for item in ("7", "07", "7.0")]
    dataset = get_dataset(csv_cfg("user,item\n" + "".join(f"{u},{i}\n" for u, i in rows)))
    assert dataset.user_ids.tolist() == ["001", "1", "1.0"] and dataset.item_ids.tolist() == ["07", "7", "7.0"]


def test_numbers_declared_by_a_source_are_found_by_their_plain_spelling_only(tiny, raw):
    raw("items.csv", "item,genre\n0,a\n01,b\n")
    with pytest.raises(UserError, match="items.csv, line 3: item 01 is outside"):
        prepare(tiny([{"file": "items.csv", "form": "table", "role": "item_features"}]))
    raw("log.csv", "user,item\n0,0\n0,1\n1,0\n1,01\n")
    files = [{"file": "log.csv", "form": "table", "role": "train"}]
    with pytest.raises(UserError, match="log.csv, line 5: the item id '01' is not one of 0, 1, 2, ... in plain"):
        prepare(tiny() | {"files": files, "behaviours": ["buy"], "split": "ratio"})


def test_a_raw_id_that_stands_for_two_numbers_is_refused(tiny, raw):
    raw("names.txt", "100\n101\n101\n109\n")
    with pytest.raises(UserError, match="the raw id 101 stands for several numbers"):
        prepare(tiny([{"file": "names.txt", "form": "integers", "role": "item_ids"}]))


def test_a_rating_filter_without_ratings_is_refused(csv_cfg):
    with pytest.raises(UserError, match="data.min_rating=4: the data have no ratings"):
        prepare(csv_cfg("user,item\n1,2\n1,3\n", min_rating=4))


def test_a_validation_file_that_is_not_used_is_told(csv_cfg, tmp_path):
    (tmp_path / "v.csv").write_text("user,item\n1,3\n")
    more = {"valid_path": str(tmp_path / "v.csv")}
    text = "user,item\n1,2\n1,3\n1,4\n"
    unused = get_dataset(csv_cfg(text, validation="none", **more))
    assert "v.csv is not used; data.validation=given makes it the validation part." in unused.notes
    assert raw_pairs(unused, unused.target_train) == {("1", "2"), ("1", "3")}
    used = get_dataset(csv_cfg(text, validation=None, **more))
    assert raw_pairs(used, used.valid) == {("1", "3")}


def test_a_file_of_ones_own_may_have_the_name_of_a_known_one(csv_cfg):
    assert get_dataset(csv_cfg("user,item\n1,2\n1,3\n", name="train.txt") | {"name": "beibei"}).name == "beibei"
