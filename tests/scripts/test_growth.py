"""scripts/benchmark.py --growth: stages in processes of their own, a table of sizes that can be broken off."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from scripts import benchmark, growth


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """run(*sizes) -> the stages that were measured; a stage in `failing` ends the program."""
    done, failing = [], set()

    def worker(stage, words, args):
        folder = Path(next(word for word in words if word.startswith("data.cache_dir=")).partition("=")[2])
        n = int(next(word for word in words if word.startswith("data.interactions=")).partition("=")[2])
        folder.mkdir(exist_ok=True)
        if stage in failing:
            raise SystemExit(1)
        done.append((n, stage))
        made = {"train": n, "prepare cpu s": n / 2} if stage == "prepare" else {"epoch cpu s": n**1.5, "MB train": 7}
        return {name: str(value) for name, value in made.items()} | {growth.MADE[stage]: "1"}

    def run(*sizes):
        done.clear()
        said = {"growth": sizes, "out": tmp_path, "scratch": tmp_path, "unlearn_up_to": 1e5, "note": "on a ferry"}
        growth.run(Namespace(**said, set=[], epochs=1))
        return done

    monkeypatch.setattr(growth, "_worker", worker)
    monkeypatch.setattr(growth, "plot", lambda rows, path: None)
    run.failing, run.out = failing, tmp_path
    return run


def test_what_was_broken_off_goes_on_and_other_sizes_stay(measured):
    assert measured(1e5) == [(100_000, "prepare"), (100_000, "train"), (100_000, "unlearn")]
    measured.failing.add("train")
    with pytest.raises(SystemExit):
        measured(1e6)
    assert [row["interactions"] for row in growth.there(measured.out)] == ["1e5", "1e6"]
    measured.failing.clear()
    assert measured(1e6) == [(1_000_000, "train")], "prepared already; unlearning is for smaller sizes"
    assert measured(1e6) == [(1_000_000, "prepare"), (1_000_000, "train")], "a whole one is measured anew"
    assert not list(measured.out.glob("recsys-growth-*"))


def test_exponents_are_those_of_the_large_sizes(measured):
    measured(1e5, 1e6, 1e7)
    rows = growth.there(measured.out)
    rows[0]["prepare cpu s"] = "1e9"  # too small to count
    found = growth.exponents(rows)
    assert found == pytest.approx({"prepare": 1, "epoch": 1.5, "memory of training": 0})
    text = (measured.out / "growth.txt").read_text()
    assert "epoch grows with exponent 1.50" in text and "--growth 1e5 1e6 1e7\non a ferry\n" in text


def test_the_command_line_hands_the_sizes_on(monkeypatch):
    asked = []
    monkeypatch.setattr("sys.argv", ["benchmark.py", "--growth", "1e5", "2e6", "--note", "on a ferry"])
    monkeypatch.setattr(growth, "run", asked.append)
    benchmark.main()
    assert asked[0].growth == [1e5, 2e6] and asked[0].note == "on a ferry" and asked[0].unlearn_up_to == 1e6
