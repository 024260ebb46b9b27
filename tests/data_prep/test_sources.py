from __future__ import annotations

import gzip
import hashlib

import pytest

from data_prep import sources
from data_prep.errors import UserError
from data_prep.options import read_options
from data_prep.sources import git_blob_sha1, locate, raw_status

from .conftest import CART, TEST, TRAIN


def contents(cfg):
    return {raw.spec["file"]: raw.content.decode() for raw in locate(read_options(cfg))[0]}


@pytest.fixture
def recorded(monkeypatch):
    """Records the train file as known, by git blob or SHA-256."""

    def record(**sums):
        row = {
            "repository": "who/what",
            "commit": "c0ffee",
            "path": "x/train.txt",
            "fetch": "no",
            "note": "rebuilt",
        }
        row |= {"git_blob_sha1": "", "sha256": "", **sums}
        monkeypatch.setattr(sources, "_recorded", lambda name: {"train.txt": row})

    return record


def test_plain_and_gzip_in_either_place(tiny, raw, tmp_path):
    expected = {"train.txt": TRAIN, "test.txt": TEST, "cart.txt": CART}
    assert contents(tiny()) == expected
    raw("train.txt.gz", gzip.compress(TRAIN.encode()))
    (tmp_path / "raw/tiny/train.txt").unlink()
    (tmp_path / "raw/tiny/test.txt").rename(tmp_path / "raw/test.txt")
    assert contents(tiny()) == expected


def test_a_missing_file_says_which_where_and_how_to_do_without(tiny, tmp_path):
    (tmp_path / "raw/tiny/cart.txt").unlink()
    with pytest.raises(UserError) as caught:
        locate(read_options(tiny()))
    text = str(caught.value)
    assert f"tiny: cart.txt is missing (looked for {tmp_path}/raw/tiny/cart.txt, " in text
    assert f"Put it at {tmp_path}/raw/tiny/cart.txt (or .gz)" in text
    assert text.endswith("Or do without: data.behaviours=[buy].")


def test_an_unused_behaviour_is_said_and_its_file_not_needed(tiny, tmp_path):
    (tmp_path / "raw/tiny/cart.txt").unlink()
    found, notes = locate(read_options(tiny(behaviours=["buy"])))
    assert [raw.spec["file"] for raw in found] == ["train.txt", "test.txt"]
    assert "'cart' (cart.txt) is not used; data.behaviours=[cart,buy] adds it." in notes[0]


@pytest.mark.parametrize("kind", ["git_blob_sha1", "sha256"])
def test_known_files_are_verified_by_their_unpacked_bytes(tiny, raw, recorded, kind, tmp_path):
    content = TRAIN.encode()
    checksum = {"git_blob_sha1": git_blob_sha1, "sha256": lambda c: hashlib.sha256(c).hexdigest()}[kind]
    recorded(**{kind: checksum(content)})
    (tmp_path / "raw/tiny/train.txt").unlink()
    raw("train.txt.gz", gzip.compress(content))
    assert contents(tiny())["train.txt"] == TRAIN

    changed = content.replace(b"3", b"2")
    raw("train.txt.gz", gzip.compress(changed))
    with pytest.raises(UserError) as caught:
        locate(read_options(tiny()))
    assert f"{tmp_path}/raw/tiny/train.txt.gz is not the train.txt recorded for tiny" in str(caught.value)
    assert f"expected {kind} {checksum(content)}, received {checksum(changed)}" in str(caught.value)
    assert "data.verify=false" in str(caught.value)
    found, notes = locate(read_options(tiny(verify=False)))
    assert changed in [raw.content for raw in found]
    assert "train.txt is not the recorded file" in notes[0]


def test_status_of_raw_files(tiny, recorded, tmp_path):
    recorded(git_blob_sha1="0" * 40, fetch="yes")
    (tmp_path / "raw/tiny/train.txt").unlink()
    (tmp_path / "raw/tiny/test.txt").unlink()
    assert raw_status(tiny()) == [
        ("cart.txt", tmp_path / "raw/tiny/cart.txt", None),
        ("train.txt", None, "https://raw.githubusercontent.com/who/what/c0ffee/x/train.txt"),
        ("test.txt", None, None),
    ]


def test_optional_files_may_be_absent(tiny, raw):
    extra = [{"file": "names.txt", "form": "integers", "role": "item_ids", "optional": True}]
    assert "names.txt is not there" in locate(read_options(tiny(extra)))[1][0]
    raw("names.txt", "7\n8\n9\n10\n")
    assert contents(tiny(extra))["names.txt"] == "7\n8\n9\n10\n"


def test_every_recorded_file_has_a_checksum_and_an_origin():
    for name in ("ciao", "beibei", "taobao", "taobao_15449", "ml-1m_loo", "ml-1m_ncf", "ml-1m_receraser"):
        rows = sources._recorded({"source": "files", "name": name})
        assert rows
        for row in rows.values():
            assert len(row["git_blob_sha1"]) == 40 or len(row["sha256"]) == 64
            assert (row["repository"] and len(row["commit"]) == 40 and row["path"]) or row["note"]
            assert row["fetch"] == "no" or row["git_blob_sha1"]
