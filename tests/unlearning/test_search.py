"""The search finds rows in whatever form they stand, and names what it cannot read."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from recsys_cli.unlearning.search import search
from tests.unlearning.harness import log

PAIR, OTHER = ("u7", "1003"), [("u7", "100"), ("u70", "1003"), ("u9", "1")]
CSR = {
    "m.indptr": np.array([0, 1, 2]),
    "m.indices": np.array([1, 0]),
    "user_ids": np.array(["u1", "u7"]),
    "item_ids": np.array([1003, 4, 8]),
}
FORMS = {
    "a.csv": "user,item,score\nu7,5,0.1\nu7,1003,0.2\n",
    "turned.csv": "item,user\n1003,u7\n",
    "long.csv": "time,user,behaviour,item\n17,u7,buy,1003\n",
    "float.csv": "user,item\nu7,1003.0\n",
    "b.txt": "u7 5 8 1003\n",
    "f.tsv": "u7\t1003\n",
    "bars": "u7|1003\n",
    "error.log": "ValueError: bad row ('u7', 1003)\n",
    "c.json": '{\n "rows": [\n  [\n   "u7",\n   "1003"\n  ]\n ]\n}\n',
    "d.jsonl": '{"user": "u\\u0037", "item": 1003}\n',
    "e.yaml": "- user: u7\n  item: 1003\n",
    "g.csv.gz": gzip.compress(b"user,item\nu7,1003\n"),
    "h.npz": {"users": np.array(["x", "u7"]), "items": np.array([2, 1003]), "score": np.ones(2)},
    "i.npy": np.array([["u7", "1003"]]),
    "j.npy": np.array([["1", "u7", "1003"]]),
    "csr.npz": CSR,
    "old/sub/k.csv": "u7,1003\n",
}


def put(folder, name, content):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        np.savez(file, **content)
    elif isinstance(content, np.ndarray):
        np.save(file, content)
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize("name", FORMS)
def test_a_pair_is_found(tmp_path, name):
    file = put(tmp_path, name, FORMS[name])
    assert search(tmp_path, "pairs", [("u9", "1"), PAIR]).holding == [file]
    assert search(tmp_path, "pairs", OTHER) == ([], [])
    assert search(file, "pairs", [PAIR]).holding == [file], "a single file"
    assert search(tmp_path, "pairs", [PAIR], skip=[file]) == ([], [])


@pytest.mark.parametrize("name", FORMS)
def test_a_user_and_an_item_are_found(tmp_path, name):
    file = put(tmp_path, name, FORMS[name])
    for kind, wanted in (("users", "u7"), ("items", "1003")):
        assert search(tmp_path, kind, [("nobody",), (wanted,)]).holding == [file]
        assert search(tmp_path, kind, [("u",), ("10",), ("03",)]) == ([], [])


def test_columns_in_files_side_by_side_are_read_together(tmp_path):
    for name, array in CSR.items():
        put(tmp_path, f"{name}.npy", array)
    assert search(tmp_path, "pairs", [PAIR]).holding
    assert search(tmp_path, "pairs", [("u1", "1003")]).holding == []
    put(tmp_path, "two/users.npy", np.array([3, 7]))
    put(tmp_path, "two/items.npy", np.array([3.0, 9.0]))
    assert search(tmp_path / "two", "pairs", [("7", "9")]).holding
    assert search(tmp_path / "two", "pairs", [("7", "3")]) == ([], [])


def test_an_id_that_is_user_and_item_must_stand_twice(tmp_path):
    put(tmp_path, "a.csv", "5,6\n")
    assert search(tmp_path, "pairs", [("5", "5")]).holding == []
    put(tmp_path, "b.csv", "5,5\n")
    assert search(tmp_path, "pairs", [("5", "5")]).holding == [tmp_path / "b.csv"]


def test_an_id_with_separators_is_found(tmp_path):
    file = put(tmp_path, "a.csv", '"Doe, J.",x:1\n')
    assert search(tmp_path, "pairs", [("Doe, J.", "x:1")]).holding == [file]


@pytest.mark.parametrize(
    "name, content",
    [
        ("events.bin", b"\0\1"),
        ("latin.csv", "\u00fc,1003\n".encode("latin-1")),
        ("wide.csv", "u7,1003\n".encode("utf-16")),
        ("torn.csv.gz", gzip.compress(b"user,item\n" * 500)[:-12]),
        ("torn.npz", b"PK\3\4"),
        ("torn.npy", b"\x93NUMPY"),
        ("vectors.npz", {"users": np.full((3, 2), 0.5)}),
        ("matrix.npy", np.zeros((30, 40), np.int8)),
        ("seen.npy", np.zeros((3, 4), bool)),
        ("matrix.npz", {"indptr": np.array([0, 1]), "indices": np.array([0]), "data": np.ones(1)}),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content):
    file = put(tmp_path, name, content)
    assert search(tmp_path, "pairs", [PAIR]) == ([], [file])
    assert search(tmp_path, "users", [("u7",)]) == ([], [file])


def test_links_are_not_followed_but_named(tmp_path):
    outside = put(tmp_path, "outside.csv", "u7,1003\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link.csv").symlink_to(outside)
    (tmp_path / "run" / "folder").symlink_to(tmp_path)
    unread = search(tmp_path / "run", "pairs", [PAIR]).unread
    assert [file.name for file in unread] == ["folder", "link.csv"]


def test_prepared_data(run, tmp_path):
    cache, pairs = tmp_path / "cache", log()[0][3:6]
    data = next((cache / "prepared").iterdir())
    assert search(cache, "pairs", pairs[:1]) == ([data], [])
    assert search(cache, "users", [("nobody",)]) == ([], [])
    assert search(cache, "items", [(pairs[0][1],)]).holding == [data]
    notes = put(data, "notes.jsonl", json.dumps(dict(zip(("user", "item"), pairs[0]))) + "\n")
    assert notes in search(cache, "pairs", pairs[:1]).holding, "not a file that the manifest lists"
    (data / "manifest.json").write_text('{"arrays": ')
    assert data in search(cache, "pairs", pairs[:1]).unread
