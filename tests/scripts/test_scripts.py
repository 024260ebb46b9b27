"""The scripts that make results: what they write, from tiny runs."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from recsys_cli import cli
from scripts import deletions, figures, tabulate
from tests.commands.conftest import TINY
from tests.unlearning.harness import train_run

RUN = [*TINY, "data.validation=leave_one_out_random"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of one model and one of another."""
    folder = tmp_path_factory.mktemp("runs")
    for name, words in {"a": ["seed=1"], "b": ["seed=2"], "c": ["model.dropout=0.9"]}.items():
        assert cli.main(["train", *RUN, *words, f"run_dir={folder / name}"]) == 0
    return folder


def written(monkeypatch, module, out, *words) -> list[dict[str, str]]:
    monkeypatch.setattr(sys, "argv", ["script", *map(str, words), "--out", str(out)])
    module.main()
    with open(out.with_suffix(".csv"), newline="") as stream:
        return list(csv.DictReader(stream))


def test_tabulate_averages_over_seeds(runs, tmp_path, monkeypatch):
    names = ["--name", "ENMF 0.9=dropped"]
    rows = written(monkeypatch, tabulate, tmp_path / "t", runs, "--by", "model.dropout", *names)
    labels = {row["row"]: row for row in rows if row["metric"] == "HR@5"}
    (other,) = set(labels) - {"dropped"}
    means = [json.loads((runs / name / "test.json").read_text())["metrics"]["HR@5"]["mean"] for name in "ab"]
    assert labels[other]["seeds"] == "2" and labels["dropped"]["seeds"] == "1"
    assert float(labels[other]["ours"]) == pytest.approx(sum(means) / 2, abs=1e-4)


def test_tabulate_what_evaluate_measured(runs, tmp_path, monkeypatch):
    assert cli.main(["evaluate", f"run={runs / 'c'}", "evaluation.k=[3]", "evaluation.metrics=[MRR]"]) == 0
    (row,) = written(monkeypatch, tabulate, tmp_path / "t", runs, "--result", "test-again")
    assert row["metric"] == "MRR@3" and row["seeds"] == "1"


def test_figures_over_epochs_and_groups_of_users(runs, tmp_path, monkeypatch):
    rows = written(monkeypatch, figures, tmp_path / "e", "epochs", runs, "--metric", "NDCG@10")
    assert {row["epoch"] for row in rows} == {"2", "4"} and {row["runs"] for row in rows} == {"3"}
    groups = written(monkeypatch, figures, tmp_path / "g", "activity", runs, "--metric", "HR@10", "--bounds", 6)
    means = [json.loads((runs / name / "test.json").read_text())["metrics"]["HR@10"]["mean"] for name in "abc"]
    sizes = [int(row["training pairs of the user"].split("(")[1].split()[0]) for row in groups]
    total = sum(size * float(row["HR@10"]) for size, row in zip(sizes, groups)) / sum(sizes)
    assert len(groups) == 2 and total == pytest.approx(sum(means) / 3, abs=1e-4)


def test_figures_over_one_and_two_settings(runs, tmp_path, monkeypatch):
    (low, high) = written(
        monkeypatch, figures, tmp_path / "s", "settings", runs, "--metric", "HR@10", "--by", "model.dropout"
    )
    words = ["--metric", "HR@10", "--by", "model.dropout", "--rows", "seed"]
    cells = written(monkeypatch, figures, tmp_path / "h", "grid", runs, *words)
    assert (low["runs"], high["runs"], len(cells)) == ("2", "1", 3)
    by_seed = [float(cell["HR@10"]) for cell in cells if cell["model.dropout"] == low["model.dropout"]]
    assert {cell["seed"] for cell in cells} == {"0", "1", "2"}
    assert sum(by_seed) / 2 == pytest.approx(float(low["HR@10"]), abs=1e-5)
    with pytest.raises(SystemExit):
        written(monkeypatch, figures, tmp_path / "h", "grid", runs, "--metric", "HR@10", "--by", "model.dropout")


def test_deletions_leave_the_run_as_it_is(tmp_path, monkeypatch):
    run = train_run(tmp_path, "unlearning=sisa", "unlearning.shards=2", "model=bpr", "model.embedding_size=4")
    before = (run / "ledger.json").read_bytes()
    rows = written(monkeypatch, deletions, tmp_path / "d", "--run", run, "--singles", 2, "--batches", 4)
    assert [row["what"] for row in rows] == ["full retraining", "one pair", "random batch", "concentrated batch"]
    assert rows[1]["shards touched"] == "1.0" and rows[3]["shards touched"] == "1.0" and rows[1]["times"] == "2"
    assert (run / "ledger.json").read_bytes() == before
