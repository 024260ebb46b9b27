"""A save is complete or absent, damage anywhere is noticed, and the newest valid checkpoint is taken up."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.training import checkpoint as ckpt

ARRAYS = {"table": np.arange(6, dtype=np.float32).reshape(2, 3), "h": np.ones(3, np.float32)}


def save(folder, epoch: int):
    path = folder / f"epoch-{epoch:06d}.npz"
    ckpt.save(path, {n: a + epoch for n, a in ARRAYS.items()}, {"epoch": epoch})
    return path


def test_round_trip(tmp_path):
    loaded = ckpt.load(save(tmp_path, 3))
    assert loaded.header == {"epoch": 3}
    assert {n: a.tolist() for n, a in loaded.arrays.items()} == {n: (a + 3).tolist() for n, a in ARRAYS.items()}


def test_same_content_same_bytes(tmp_path):
    assert save(tmp_path, 1).read_bytes() == save(tmp_path, 1).read_bytes()


@pytest.mark.parametrize("suffix", [".npz", ".sha256"])
def test_a_flipped_bit_anywhere_is_noticed(tmp_path, suffix):
    path = save(tmp_path, 1)
    file = path.with_suffix(suffix)
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match="damaged"):
            ckpt.load(path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5])


def remove_checksum(path):
    path.with_suffix(".sha256").unlink()


@pytest.mark.parametrize("damage", [truncate, remove_checksum, lambda path: path.write_bytes(b"")])
def test_falls_back_to_the_newest_valid_one_and_says_so(tmp_path, damage):
    save(tmp_path, 1), save(tmp_path, 2)
    damage(save(tmp_path, 3))
    loaded, skipped = ckpt.load_newest(tmp_path)
    assert loaded.header["epoch"] == 2
    assert len(skipped) == 1 and "epoch-000003" in skipped[0]


def test_refuses_when_none_is_valid(tmp_path):
    truncate(save(tmp_path, 1))
    with pytest.raises(UserError, match="no valid checkpoint.*epoch-000001"):
        ckpt.load_newest(tmp_path)
    with pytest.raises(UserError, match="no checkpoint"):
        ckpt.load_newest(tmp_path / "nothing")


def test_a_crash_at_any_boundary_of_a_save_leaves_the_older_one(tmp_path, monkeypatch):
    """Stops at each fsync and rename in turn, as a power cut would."""

    class PowerCut(BaseException):
        pass

    crashes = 0
    for boundary in range(8):
        folder = tmp_path / str(boundary)
        save(folder, 1)
        calls = iter(range(100))

        def crash_at(function, boundary=boundary, calls=calls):
            def wrapped(*args, **more):
                if next(calls) == boundary:
                    raise PowerCut
                return function(*args, **more)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", crash_at(os.fsync))
            patch.setattr(os, "replace", crash_at(os.replace))
            try:
                save(folder, 2)
            except PowerCut:
                crashes += 1
        loaded, _ = ckpt.load_newest(folder)
        assert loaded.header["epoch"] in (1, 2)
        np.testing.assert_array_equal(loaded.arrays["h"], ARRAYS["h"] + loaded.header["epoch"])
    assert crashes == 6  # two files, each synced, renamed, and their folder synced


def test_disk_full_is_said_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    save(tmp_path, 1)
    before = sorted(tmp_path.iterdir())

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device.*free space"):
        save(tmp_path, 2)
    assert sorted(tmp_path.iterdir()) == before


def test_values_that_are_not_finite_are_not_saved(tmp_path):
    with pytest.raises(UserError, match="h holds values that are not finite"):
        ckpt.save(tmp_path / "epoch-000001.npz", {"h": np.array([1.0, np.nan])}, {})
    assert not list(tmp_path.iterdir())


def test_another_model_is_refused_by_name_and_shape(tmp_path):
    state = {"table": tf.Variable(tf.zeros([2, 4])), "h": tf.Variable(tf.zeros([3]))}
    with pytest.raises(UserError, match=r"table is float32 \(2, 3\) there and float32 \(2, 4\) here"):
        ckpt.restore(ckpt.load(save(tmp_path, 1)), state)
    assert not state["h"].numpy().any()


def test_a_save_inside_an_epoch_is_newer_than_the_epoch_before_it(tmp_path):
    for epoch, step in [(9, 0), (10, 0), (10, 7)]:
        ckpt.save(tmp_path / ckpt.numbered("epoch", epoch, step), ARRAYS, {"at": [epoch, step]})
    assert ckpt.load_newest(tmp_path)[0].header == {"at": [10, 7]}


def test_prune_keeps_the_newest(tmp_path):
    for epoch in range(1, 5):
        save(tmp_path, epoch)
    ckpt.prune(tmp_path, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "epoch-000003.npz",
        "epoch-000003.sha256",
        "epoch-000004.npz",
        "epoch-000004.sha256",
    ]
