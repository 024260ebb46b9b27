from __future__ import annotations

import json

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.reports.comparison import compare
from recsys_cli.reports.rows import names_of, rows_of
from recsys_cli.runs.kept import read_per_user
from tests.pages.test_pages import checked
from tests.reports.conftest import edit

HOSTILE = "<script>alert(1)</script>"


def test_runs_that_differ_in_the_seed_are_one_row_and_those_of_other_settings_another(made):
    paths = [made("a"), made("b", seed=1), made("c", model__dropout=0.9), made("d", seed=1, model__dropout=0.9)]
    rows, notes = rows_of(paths)
    assert [sorted(row.runs) for row in rows] == [[0, 1], [0, 1]] and notes == []
    assert rows[1].name == "enmf dropout=0.9" and rows[0].name.startswith("enmf dropout=")


def test_a_training_that_was_done_twice_is_one_seed(made):
    rows, notes = rows_of([made("a"), made("a2", trainer__checkpoint_every=9, evaluation__bootstrap=3)])
    assert len(rows) == 1 and len(rows[0].runs) == 1 and "counted once" in notes[0]


def test_what_was_trained_longer_is_another_row(made):
    rows, _ = rows_of([made("a"), made("b", trainer__epochs=9)])
    assert [row.name for row in rows] == ["enmf epochs=4", "enmf epochs=9"]


def test_a_run_that_has_forgotten_something_is_a_row_of_its_own(made):
    paths = [made("a"), made("b"), made("c")]
    for path, state in zip(paths, "001"):
        (path / "generations" / state).mkdir(parents=True)
        (path / "current").symlink_to(f"generations/{state}")
    rows, notes = rows_of(paths)
    assert [row.name for row in rows] == ["enmf state=null", "enmf state=1"] and len(notes) == 1


def test_names_are_never_the_same():
    settings = [{"model.name": "x", "a.b": 1, "c.b": 1}, {"model.name": "x", "a.b": 1, "c.b": 2}, {"model.name": "y"}]
    assert names_of(settings) == ["x b=1", "x b=2", "y"]
    assert len(set(names_of([{"model.name": "x", "p": [n], "q": "1"} for n in range(3)]))) == 3


def test_tests_see_a_real_difference_and_none_where_there_is_none(made):
    a, b, c = made("a"), made("b", shift=0.4, model__dropout=0.1), made("c", model__dropout=0.2)
    found = compare([a, b, c], metrics=["NDCG@10"])
    better, same = found.pairs
    assert (better.one, better.other) == ("enmf dropout=0.1", found.measured[0].name)
    values = read_per_user(b, "test")[1]["NDCG@10"] - read_per_user(a, "test")[1]["NDCG@10"]
    assert better.effect.mean == pytest.approx(values.mean()) and better.effect.better > 10
    assert better.p["randomisation"] < 0.001 and better.corrected["Holm"]["t"] == pytest.approx(2 * better.p["t"])
    assert same.p == {"randomisation": 1, "t": 1, "wilcoxon": 1} and same.effect.equal == found.users
    assert len(compare([a, b, c], metrics=["NDCG@10"], all_pairs=True).pairs) == 3


def test_users_are_averaged_over_seeds_and_seeds_are_paired(made):
    one = [made(f"a{s}", seed=s, shift=0.1) for s in (0, 1, 2)]
    other = [made(f"b{s}", seed=s, shift=0.1 + 0.1 * s, model__dropout=0.1) for s in (1, 2, 3)]
    (pair,) = compare([*one, *other], metrics=["HR@5"]).pairs
    means = {run: read_per_user(run, "test")[1]["HR@5"].mean() for run in (*one, *other)}
    assert pair.effect.mean == pytest.approx(np.mean([means[r] for r in other]) - np.mean([means[r] for r in one]))
    common = [means[other[0]] - means[one[1]], means[other[1]] - means[one[2]]]
    assert pair.over_seeds.n == 2 and pair.over_seeds.mean == pytest.approx(np.mean(common))


def test_the_same_metric_under_two_names_is_tested_once(made):
    found = compare([made("a"), made("b", shift=0, model__dropout=0.1)])
    assert "Recall@5 = HR@5" in found.notes[-1] and "Recall@5" not in found.metrics


def test_other_data_or_another_protocol_is_refused_in_a_sentence(made, recsys):
    a, b, c = made("a"), made("b", data__seed=9), made("c", model__dropout=0.1)
    edit(b / "record.json", data_hash="f" * 64)
    edit(c / "test.json", protocol={"protocol": "sampled", "exclude": "train", "select": "last"})
    result = recsys("compare", str(a), str(b))
    assert result.code == 2 and "made on other data" in result.err and "seed 9 and" in result.err
    result = recsys("compare", str(a), str(c))
    assert result.code == 2 and "protocol sampled and full" in result.err and "recsys evaluate" in result.err


def test_a_best_test_epoch_does_not_stand_beside_an_honest_one(made):
    runs = [made("a"), made("b", model__dropout=0.1)]
    protocol = json.loads((runs[0] / "test.json").read_text())["protocol"]
    edit(runs[0] / "test.json", protocol=protocol | {"select": "best_validation"})
    assert len(rows_of(runs)[0]) == 2
    edit(runs[0] / "test.json", protocol=protocol | {"select": "best_test_epoch"})
    with pytest.raises(UserError, match="best_test_epoch"):
        rows_of(runs)


def test_a_file_made_elsewhere_is_a_row(made, recsys, tmp_path):
    run = made("a")
    users, values = read_per_user(run, "test")
    lines = [f"{user},{value + 0.25}" for user, value in zip(users, values["NDCG@10"])]
    file = tmp_path / "else.csv"
    file.write_text("\n".join(["user,NDCG@10", *lines[:-1]]) + "\n")
    result = recsys("compare", str(run), str(file), "--json")
    (pair,) = json.loads(result.out)["pairs"]
    assert pair["effect"]["mean"] == pytest.approx(0.25) and pair["effect"]["n"] == len(users) - 1
    assert f"of which the {len(users) - 1} that all rows have" in json.loads(result.out)["notes"][0]
    for content, said in (
        ("user,x\n" + "".join(f"{u},1\n" for u in users), "no metric that all have"),
        ("item,NDCG@10\n1,2\n", "needs a column `user`"),
        ("user,NDCG@10\n1,0.5\n2,good\n", "line 3: NDCG@10 is 'good'"),
        ("user,NDCG@10\n1,0.5\n1,0.5\n", "names a user twice"),
        ("user,NDCG@10\nnobody,0.5\n", "no user in common"),
    ):
        file.write_text(content)
        result = recsys("compare", str(run), str(file))
        assert result.code == 2 and said in result.err, result.err


def test_without_values_per_user_the_seeds_are_compared_and_it_is_said(made):
    runs = [
        made(f"{n}{s}", seed=s, shift=0.1 * (n == "b"), model__dropout=0.1 * (n == "b")) for n in "ab" for s in (0, 1)
    ]
    (runs[3] / "test_per_user.npz").unlink()
    found = compare(runs, metrics=["HR@5"])
    assert found.users == 0 and found.pairs[0].p == {} and found.pairs[0].over_seeds.n == 2
    assert "evaluation.per_user=true" in found.notes[0]


def test_words_that_name_nothing(made, recsys, tmp_path):
    run = made("a")
    assert "at least two" in recsys("compare").err
    assert "one row only" in recsys("compare", str(run)).err == recsys("compare", f"run={run}").err
    assert "does not exist" in recsys("compare", str(run), "runs/none").err
    assert "Did you mean 'all_pairs'" in recsys("compare", str(run), "all_pair=true").err
    assert (
        "cannot be written"
        in recsys("compare", str(run), str(made("b", model__dropout=0.1)), "out=/nowhere/x.html").err
    )
    (tmp_path / "empty").mkdir()
    assert "holds no run directory" in recsys("compare", str(tmp_path / "empty")).err
    edit(run / "record.json", status="interrupted")
    assert f"resume={run}" in recsys("compare", str(run)).err


def test_the_page_is_whole_and_escapes_what_strangers_wrote(made, recsys, tmp_path):
    pytest.importorskip("matplotlib")
    runs = [made("a"), made(HOSTILE.replace("/", "_"), shift=0.2, model__dropout=0.1, model__name=HOSTILE)]
    out = tmp_path / "page.html"
    result = recsys("compare", *map(str, runs), f"out={out}", "metrics=[NDCG@10]")
    assert result.code == 0 and f"page: {out}" in result.out, result.err
    html = out.read_text()
    words = "".join(checked(html).text)
    assert HOSTILE in words and "<script" not in html and html.count("<svg") == 2
    assert recsys("compare", *map(str, runs), f"out={out}", "metrics=[NDCG@10]").code == 0
    assert out.read_text() == html
