from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
import zipfile

import pytest

from data_prep import archives
from data_prep.archives import read_archived, read_bytes, read_stream
from data_prep.errors import UserError


def make_zip(path, members, link=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
        if link:
            info = zipfile.ZipInfo(link)
            info.external_attr = 0o120777 << 16
            packed.writestr(info, "/etc/passwd")
    return path


def make_tar(path, members, link=None):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            packed.addfile(info)
    return path


MAKERS = [(make_zip, "a.zip"), (make_tar, "a.tar"), (make_tar, "a.tar.gz")]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_are_read(tmp_path, make, name):
    archive = make(tmp_path / name, {"sub/r.csv": b"user,item\n", "other.csv.gz": gzip.compress(b"x")})
    assert read_archived(archive / "sub" / "r.csv") == b"user,item\n"
    assert read_archived(archive / "other.csv.gz") == b"x"
    with pytest.raises(UserError, match="holds 2 files: say .*sub/r.csv"):
        read_archived(archive)
    with pytest.raises(UserError, match="no member 'sub/q.csv'. Did you mean 'sub/r.csv'"):
        read_archived(archive / "sub" / "q.csv")
    assert read_archived(make(tmp_path / f"one-{name}", {"r.csv": b"1"})) == b"1"


@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize("member", ["../evil.csv", "/tmp/evil.csv", "a/../../evil.csv", "..\\evil.csv"])
def test_names_that_leave_the_archive_are_refused(tmp_path, make, name, member):
    archive = make(tmp_path / name, {"r.csv": b"1", member: b"2"})
    with pytest.raises(UserError, match="points outside the archive"):
        read_archived(archive / "r.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_links_are_refused(tmp_path, make, name):
    with pytest.raises(UserError, match="'link.csv' is a link or special file"):
        read_archived(make(tmp_path / name, {"r.csv": b"1"}, link="link.csv") / "r.csv")


@pytest.mark.parametrize(("make", "name"), [MAKERS[0], MAKERS[2]])
def test_bombs_are_refused(tmp_path, monkeypatch, make, name):
    monkeypatch.setattr(archives, "SIZE_FLOOR", 1000)
    archive = make(tmp_path / name, {"r.csv": b"0" * 2_000_000})
    with pytest.raises(UserError, match="decompression bomb"):
        read_archived(archive / "r.csv")


def test_gzip_in_several_members_and_with_any_name(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert read_bytes(path) == b"one\ntwo\n"


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b[:-1], lambda b: b[:500] + b"\0" * 50 + b[550:]])
def test_damaged_gzip_names_file_and_line(tmp_path, damage):
    whole = gzip.compress("".join(f"{n} {n * n}\n" for n in range(1000)).encode())
    path = tmp_path / "r.txt.gz"
    path.write_bytes(damage(whole))
    with pytest.raises(UserError, match=r"r.txt.gz, line \d+: the gzip data are cut short or damaged"):
        read_bytes(path)


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_cut_archive_is_one_message(tmp_path, make, name):
    archive = make(tmp_path / name, {"r.csv": bytes(range(256)) * 40})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged"):
        read_archived(archive / "r.csv")


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_archived(tmp_path / "none.csv")


def test_a_sparse_tar_is_refused_by_its_size_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SIZE_FLOOR", 1000)
    info = tarfile.TarInfo("r.csv")
    info.size = 1
    info.pax_headers = {
        "GNU.sparse.name": "r.csv", "GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "1",
    }  # fmt: skip
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as packed:
        packed.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(UserError, match="r.csv unpacks to more than 1048576 MiB.*decompression bomb"):
        read_archived(tmp_path / "a.tar")


def test_a_zip_that_lies_about_its_sizes_gives_no_more_than_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SIZE_FLOOR", 1000)
    archive = make_zip(tmp_path / "a.zip", {"r.csv": b"0" * 2_000_000})
    whole = bytearray(archive.read_bytes())
    in_list = whole.index(b"PK\x01\x02")
    for place in (22, in_list + 24):  # of the member itself and of the list at the end
        whole[place : place + 4] = (100).to_bytes(4, "little")
    archive.write_bytes(whole)
    with pytest.raises(UserError, match="damaged or cannot be unpacked"):
        read_archived(archive)


def test_members_packed_by_a_method_without_bounds_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("r.csv", b"0" * 1000)
    with pytest.raises(UserError, match="packed by a rare method"):
        read_archived(tmp_path / "a.zip")


def test_a_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(gzip.compress(b"user,item\n")), daemon=True)
    writer.start()
    assert read_stream(str(pipe)) == b"user,item\n" == read_stream(str(pipe))
