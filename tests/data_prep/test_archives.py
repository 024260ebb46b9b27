from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from data_prep import archives
from data_prep.archives import read_archived, read_bytes
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
