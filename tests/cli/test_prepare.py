from __future__ import annotations


def test_prepare_prints_counts_and_the_place(recsys, tmp_path):
    words = ["prepare", "data.users=60", "data.items=40", "data.interactions=250", f"data.cache_dir={tmp_path}"]
    first = recsys(*words)
    assert first.code == 0, first.err
    lines = first.out.splitlines()
    assert any(line.split() == ["users", "60"] for line in lines)
    assert lines[-1].startswith(f"prepared data set: {tmp_path}/prepared/synthetic-")
    assert recsys(*words).out == first.out


def test_options_of_the_data_are_checked_before_any_work(refused):
    assert "needs the file to read: data.path=" in refused("train", "data=csv")
    assert "data.target='buy' is not in data.behaviours=['cart']" in refused("train", "data.behaviours=[cart]")


def test_prepare_keeps_within_the_terminal(recsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    words = ["data.users=60", "data.items=40", "data.interactions=250", f"data.cache_dir={tmp_path}"]
    lines = recsys("prepare", *words).out.splitlines()[:-1]  # the last one names a directory
    assert max(map(len, lines)) <= 50 and any(line.startswith("    ") for line in lines)
