"""Files are complete or absent, and what a stranger sent is opened without following links."""

from __future__ import annotations

import os

import pytest

from data_prep.entries import NotRegular
from data_prep.errors import UserError
from data_prep.files import make_folder, open_file, read_file, write_file


class PowerCut(BaseException):
    pass


def test_a_power_cut_at_any_call_leaves_the_old_content_or_the_new_one(tmp_path, monkeypatch):
    file = tmp_path / "a"
    found = []
    for boundary in range(4):
        write_file(file, b"old")
        calls = iter(range(10))

        def cut(function, calls=calls, boundary=boundary):
            def call(*args, **more):
                if next(calls) == boundary:
                    raise PowerCut
                return function(*args, **more)

            return call

        with monkeypatch.context() as patch:
            for name in ("fsync", "replace"):
                patch.setattr(os, name, cut(getattr(os, name)))
            try:
                write_file(file, b"new")
                found.append("done")
            except PowerCut:
                found.append(file.read_bytes())
    assert found == [b"old", b"old", b"new", "done"], "the file is synced, renamed, and its folder synced"


def test_what_is_half_written_lies_beside_and_under_no_name_that_can_be_guessed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    folder = make_folder(tmp_path / "run", tmp_path)
    for name in ("a.partial", "a"):
        (folder / name).symlink_to(victim)
    write_file(folder / "a", b"new")
    assert victim.read_bytes() == b"mine" and not (folder / "a").is_symlink() and read_file(folder / "a") == b"new"


def test_links_and_pipes_are_opened_neither_for_reading_nor_for_writing(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_bytes(b"x")
    run = tmp_path / "run"
    run.mkdir()
    (run / "link").symlink_to(tmp_path / "outside" / "a")
    (run / "broken").symlink_to(tmp_path / "new")
    (run / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(run / "pipe")
    for name in ("link", "broken", "folder/a", "pipe", "folder"):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT):
            with pytest.raises(NotRegular, match="symbolic link or no regular file"):
                open_file(run / name, run, flags)
    with pytest.raises(NotRegular):
        write_file(run / "folder" / "b", b"x", run)
    with pytest.raises(NotRegular):
        make_folder(run / "folder" / "new", run)
    assert sorted(p.name for p in (tmp_path / "outside").iterdir()) == ["a"] and not (tmp_path / "new").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_not_to_be_replaced_stays(tmp_path, monkeypatch, links):
    def refused(*args, **more):
        raise PermissionError  # as file systems without hard links say

    if not links:
        monkeypatch.setattr(os, "link", refused)
    write_file(tmp_path / "a", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "a", b"second", replace=False)
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and read_file(tmp_path / "a") == b"first"


def test_an_unwritable_place_is_named_with_advice(tmp_path):
    with pytest.raises(
        UserError, match=r"cannot write .*none/x.csv \(0.0 MB\): No such file or directory. Name another."
    ):
        write_file(tmp_path / "none" / "x.csv", b"", advice="Name another.")


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    write_file(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
