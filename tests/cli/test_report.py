from __future__ import annotations

from recsys_cli.text import duration, metrics_table, wrapped

ROW = (0.3617, 0.325, 0.4017)


def test_the_usual_table_fits_a_terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"{family}@{k}" for family in ("HR", "Precision", "NDCG") for k in (10, 50, 100)]
    table = metrics_table(dict.fromkeys(names, ROW))
    assert max(map(len, table.splitlines())) <= 80 and "\n\n" not in table
    assert "0.3617 [.3250, .4017]" in table


def test_cutoffs_that_do_not_fit_go_below():
    names = ["AUC", *(f"sampled-NDCG@{k}" for k in (5, 10, 20, 50, 100))]
    table = metrics_table(dict.fromkeys(names, ROW), width=60)
    assert max(map(len, table.splitlines())) <= 60
    assert sum(line.count("@") for line in table.splitlines() if line.startswith("metric")) == 5
    assert table.count("0.3617") == 6 and table.count("AUC") == 1, "what has no cut-off is not repeated below"


def test_an_interval_of_one_keeps_its_one():
    assert "1.0000 [.9980, 1.0000]" in metrics_table({"HR@1": (1.0, 0.998, 1.0)})


def test_durations_as_people_say_them():
    assert [duration(s) for s in (4.4, 89, 240, 5399, 9000)] == ["4 s", "89 s", "4 min", "90 min", "2.5 h"]


def test_a_long_line_goes_on_under_its_text():
    lines = wrapped("name        " + "word " * 12, 12).splitlines()
    monkey = {len(line) <= 80 for line in lines}
    assert monkey == {True} and all(line.startswith(" " * 12) for line in lines[1:])
