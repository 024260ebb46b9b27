from __future__ import annotations

import json

import pytest

from tests.reports.conftest import edit


def names(result) -> list[str]:
    return [row["run"].rpartition("/")[2] for row in json.loads(result.out)]


@pytest.fixture
def listed(recsys, made):
    made("a")
    made("deep/er/b", seed=3, shift=0.3)
    made("c", model__embedding_size=4)
    edit(made("d") / "record.json", status="running", started="2020-01-01T00:00:00+0000")
    root = made("bad").parent
    (root / "bad" / "config.yaml").write_text("seed: [")
    (root / "link").symlink_to(root / "deep")
    return lambda *words: recsys("runs", f"runs_dir={root}", *words)


def test_runs_are_found_at_any_depth_and_a_damaged_one_stops_nothing(listed):
    result = listed("--json", "sort=run")
    assert result.code == 0 and names(result) == ["a", "bad", "c", "d", "b"]
    rows = {row["run"].rpartition("/")[2]: row for row in json.loads(result.out)}
    assert rows["d"]["status"] == "died" and rows["bad"]["status"] == "damaged" and "damaged" in rows["bad"]["problem"]
    assert rows["b"]["seed"] == 3 and rows["b"]["settings"]["model.embedding_size"] == 8
    table = listed()
    assert "deep/er/b" in table.out and "config.yaml is damaged" in table.out


@pytest.mark.parametrize(
    "words,expected",
    [
        (["seed=3"], ["b"]),
        (["model=en*", "status!=died"], ["a", "b", "c"]),
        (["model.embedding_size<8"], ["c"]),
        (["started<2021"], ["d"]),
        (["status=finished", "sort=-NDCG@10", "limit=1"], ["b"]),
        (["data.validation=none"], []),
    ],
)
def test_conditions_and_order(listed, words, expected):
    assert sorted(names(listed("json", *words))) == expected


def test_a_metric_is_a_condition(listed):
    best = max(row["metrics"].get("HR@10", 0) for row in json.loads(listed("--json").out))
    assert names(listed("--json", f"HR@10>={best}")) == ["b"]


def test_folders_may_be_named_as_words(listed, recsys, made, monkeypatch):
    root = made("z").parent
    assert names(recsys("runs", str(root / "deep"), str(root / "z"), "--json")) == ["b", "z"]
    assert recsys("runs", str(root / "deep")).out.splitlines()[-1].startswith("er/b")


def test_errors_name_what_is_near(listed, recsys):
    assert "Did you mean 'model'" in listed("modl=enmf").err
    assert "Did you mean 'json'" in listed("--jsn").err
    assert "is no condition" in listed("enmf").err
    assert "sort=acc" in listed("sort=acc").err
    assert "no run below" in listed("metrics=[XYZ]").err
    assert "does not exist" in recsys("runs", "runs_dir=/nowhere").err
    assert listed("seed=99").out.startswith("no run below")
