from __future__ import annotations

import re

from recsys_cli.config.library import library


def test_doctor_tells_versions_machine_and_every_data_set(recsys):
    result = recsys("doctor", "tensorflow=false")
    assert result.code == 0
    assert re.search(r"^  numpy +\d+\.\d+", result.out, re.MULTILINE)
    assert re.search(r"^  memory +\d+\.\d GiB free of \d+\.\d GiB", result.out, re.MULTILINE)
    for name in library("").choices("data"):
        assert re.search(rf"^  {re.escape(name)} +\S", result.out, re.MULTILINE)


def test_doctor_finds_raw_files_and_says_what_is_missing(recsys, own_configs, tmp_path, monkeypatch):
    mine = "defaults:\n  - _common\nname: mine\nfiles:\n"
    for role in ("train", "test"):
        mine += f"  - {{file: {role}.txt, form: lines, role: {role}}}\n"
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "raw" / "mine").mkdir(parents=True)
    (tmp_path / "raw" / "mine" / "train.txt").write_text("0 1\n")
    own = own_configs({"data/mine.yaml": mine})
    words = ["doctor", "tensorflow=false", f"raw_dir={tmp_path / 'raw'}", "--config-dir", own]

    lines = recsys(*words).out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  mine "))
    assert lines[at].split(maxsplit=1)[1] == "1 of 2 raw files found"
    assert "missing: test.txt; put into <folder>/mine/," in lines[at + 1]

    (tmp_path / "raw" / "test.txt").write_text("0 0\n")
    (tmp_path / "cache" / "prepared" / "mine-0123").mkdir(parents=True)
    assert "2 of 2 raw files found; prepared in the cache" in recsys(*words).out


def test_doctor_keeps_within_the_terminal(recsys, monkeypatch):
    for width in (60, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = recsys("doctor", "tensorflow=false").out.splitlines()
        assert all(len(line) <= width or " " not in line.strip() for line in lines)
        assert max(map(len, lines)) > 50
