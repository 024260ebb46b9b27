from __future__ import annotations

import errno
import json
import os
import shutil
import time

import numpy as np
import pytest

from data_prep import store
from data_prep.errors import UserError
from data_prep.events import Events
from data_prep.store import csr_arrays, read_manifest, write_prepared
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.data_copy import write_copy

MANIFEST = {
    "name": "x",
    "behaviours": ["buy"],
    "target": "buy",
    "sizes": {"users": 2, "items": 3},
    "fields": {},
}
ARRAYS = {"a": np.arange(5, dtype=np.int32), "b": np.array(["x", "yy"])}


def left(tmp_path):
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_round_trip(tmp_path):
    write_prepared(tmp_path / "p" / "x-1", ARRAYS, MANIFEST)
    manifest = read_manifest(tmp_path / "p" / "x-1")
    assert manifest["behaviours"] == ["buy"] and list(manifest["arrays"]) == ["a", "b"]
    for name, array in ARRAYS.items():
        entry = manifest["arrays"][name]
        np.testing.assert_array_equal(np.load(tmp_path / "p" / "x-1" / entry["file"]), array)
        assert entry["dtype"] == str(array.dtype) and entry["shape"] == list(array.shape)
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["x-1"]


def test_the_content_hash_is_that_of_the_content_alone(tmp_path):
    for place, manifest, arrays in (
        ("1", MANIFEST, ARRAYS),
        ("2", {**MANIFEST, "name": "y", "notes": ["other"]}, ARRAYS),
        ("3", MANIFEST, {**ARRAYS, "a": np.arange(1, 6, dtype=np.int32)}),
        ("4", {**MANIFEST, "target": "cart"}, ARRAYS),
    ):
        write_prepared(tmp_path / place, arrays, manifest)
    one, two, three, four = (read_manifest(tmp_path / place)["content_hash"] for place in "1234")
    assert one == two and len({one, three, four}) == 3


@pytest.mark.parametrize("error", [OSError(errno.EIO, "input/output error"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("call", ["os.fsync", "os.rename", "np.save", "json.dumps", "sha256_file", "shutil.disk_usage"])
def test_a_crash_at_any_call_leaves_nothing(tmp_path, monkeypatch, call, error):
    """The n-th call of each kind fails, for n = 1, 2, ... until the write gets through."""
    owner, _, name = call.rpartition(".")
    owner = getattr(store, owner) if owner else store
    real, crashes = getattr(owner, name), 0
    for allowed in range(20):
        calls = iter(range(100))

        def failing(*args, _calls=calls, _allowed=allowed, **kwargs):
            if next(_calls) == _allowed:
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, failing)
        try:
            write_prepared(tmp_path / "x-1", ARRAYS, MANIFEST)
        except (UserError, KeyboardInterrupt, MemoryError):
            crashes += 1
            complete = (tmp_path / "x-1").exists()
            monkeypatch.setattr(owner, name, real)
            if complete:  # the crash came after the rename
                read_manifest(tmp_path / "x-1")
                shutil.rmtree(tmp_path / "x-1")
            assert list(tmp_path.iterdir()) == []
        else:
            break
    assert crashes >= 1 and (tmp_path / "x-1").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_how_much_is_needed_and_where(tmp_path, monkeypatch, code):
    def full(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store.np, "save", full)
    with pytest.raises(UserError, match=rf"[1-9]\d* MiB are needed in {tmp_path}.*data.cache_dir"):
        write_prepared(tmp_path / "x-1", {"a": np.zeros(10**6)}, MANIFEST)
    assert left(tmp_path) == []


def test_who_writes_says_what_else_can_be_done(tmp_path, monkeypatch):
    """The copy of a run is no matter of data.cache_dir."""
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    pairs = CSR.from_pairs(np.array([0]), np.array([1]), 2, 3)
    ids = {"user_ids": np.arange(2), "item_ids": np.arange(3)}
    with pytest.raises(UserError, match="Free some, or move the run directory") as told:
        write_copy(tmp_path / "x-1", Dataset("tiny", 2, 3, "buy", {"buy": pairs}, **ids))
    assert "cache_dir" not in str(told.value)


def test_too_little_room_is_noticed_before_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    monkeypatch.setattr(store.np, "save", lambda *a, **k: pytest.fail("written"))
    with pytest.raises(UserError, match="Not enough room"):
        write_prepared(tmp_path / "x-1", ARRAYS, MANIFEST)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written to .*data.cache_dir"):
        write_prepared(tmp_path / "file" / "x-1", ARRAYS, MANIFEST)


def test_the_faster_process_wins_and_leftovers_are_swept(tmp_path):
    write_prepared(tmp_path / "x-1", ARRAYS, MANIFEST)
    stale, fresh = tmp_path / ".x-1.dead.partial", tmp_path / ".x-1.alive.partial"
    stale.mkdir()
    fresh.mkdir()
    os.utime(stale, (time.time() - 7200,) * 2)
    write_prepared(tmp_path / "x-1", {"a": np.zeros(3)}, MANIFEST)
    assert read_manifest(tmp_path / "x-1")["arrays"]["a"]["shape"] == [5]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x-1.alive.partial", "x-1"]


def test_csr_against_a_dense_matrix():
    rng = np.random.default_rng(0)
    keys = rng.permutation(70)[:30]
    events = Events(
        (keys // 10).astype(np.int32),
        (keys % 10).astype(np.int32),
        rng.random(30).astype(np.float32),
        keys * 7,
    )
    dense, times = np.zeros((8, 10), np.float32), np.zeros((8, 10), int)
    dense[events.users, events.items], times[events.users, events.items] = events.ratings, events.times
    arrays = csr_arrays("t", events, 8, 10)
    np.testing.assert_array_equal(arrays["t.indptr"], [0, *np.cumsum((dense > 0).sum(1))])
    np.testing.assert_array_equal(arrays["t.indices"], np.nonzero(dense)[1])
    np.testing.assert_array_equal(arrays["t.ratings"], dense[dense > 0])
    np.testing.assert_array_equal(arrays["t.times"], times[dense > 0])
    assert arrays["t.indptr"].dtype == np.int64 and arrays["t.indices"].dtype == np.int32


def test_an_older_format_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FORMAT_VERSION", 0)
    write_prepared(tmp_path / "x-1", ARRAYS, MANIFEST)
    monkeypatch.undo()
    with pytest.raises(UserError, match="format version 0, this program reads 2. Delete"):
        read_manifest(tmp_path / "x-1")


def test_a_manifest_that_is_not_one(tmp_path):
    with pytest.raises(UserError, match="not a prepared data set"):
        read_manifest(tmp_path)
    for text in ("", "[]", "{", json.dumps({"manifest_sha256": "0"})):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(UserError, match="manifest.json was changed or is damaged"):
            read_manifest(tmp_path)
