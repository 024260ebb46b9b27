"""Files for people hold the ids of the raw data, letter by letter, from preparation to figures."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from recsys_cli import cli
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.protocol import evaluate
from recsys_cli.evaluation.raw_ids import IdError, raw_ids
from recsys_cli.evaluation.summary import load_per_user
from recsys_cli.experiments.points import by_activity
from recsys_cli.use.people import users_of

# Users in a file order that is not that of their ids; 0007 has 3 training pairs, 7 has 5, 12 has 4, the others 2.
PAIRS = {"7": 6, "0007": 4, "12": 5, "1.0": 3, "a b": 3}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a file whose ids would merge if they were numbers."""
    folder = tmp_path_factory.mktemp("raw")
    rows = [f"{user},{item:03}\n" for user, n in PAIRS.items() for item in range(n)]
    (folder / "shop.log.csv").write_text("user,item\n" + "".join(rows) + "1,998\n1,999\n1,1000\n")
    words = [f"data.path={folder}/shop.log.csv", f"data.cache_dir={folder}/cache", "evaluation.k=[3]"]
    code = cli.main(["train", "model=popularity", "data=csv", *words, "tensorboard=false", f"runs_dir={folder}/runs"])
    assert code == 0
    return next((folder / "runs").iterdir())


def test_a_run_on_data_of_ones_own_is_called_by_its_file(run):
    assert "-popularity-shop.log-" in run.name
    assert "name: shop.log" in (run / "config.yaml").read_text()


def test_results_per_user_hold_raw_ids(run, recsys):
    assert load_per_user(run / "test_per_user.npz")[0].tolist() == ["0007", "1", "1.0", "12", "7", "a b"]
    assert recsys("evaluate", f"run={run}").code == 0
    (again,) = run.glob("evaluations/*_per_user.npz")
    assert load_per_user(again)[0].tolist() == ["0007", "1", "1.0", "12", "7", "a b"]


def test_figures_group_users_by_their_own_training_pairs(run):
    (data,) = (run.parents[1] / "cache" / "prepared").iterdir()
    found = {dot.x: dot.value for dot in by_activity(run / "test_per_user.npz", data, "HR@3", [2, 4])}
    users, values = load_per_user(run / "test_per_user.npz")
    hit = dict(zip(users.tolist(), values["HR@3"].tolist(), strict=True))
    groups = {"2 (3 users)": ["1", "1.0", "a b"], "3-4 (2 users)": ["0007", "12"], "5 or more (1 users)": ["7"]}
    assert found == pytest.approx({name: np.mean([hit[u] for u in group]) for name, group in groups.items()}, abs=1e-5)


def read(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def test_recommend_finds_users_letter_by_letter(run, recsys, tmp_path):
    users, out = tmp_path / "users.txt", tmp_path / "items.csv"
    users.write_text("\ufeff0007\r\na b\r\n1.0\r\n", encoding="utf-8")
    assert recsys("recommend", f"run={run}", f"users={users}", "k=1", f"output={out}").code == 0
    assert [row["user"] for row in read(out)] == ["0007", "a b", "1.0"]
    assert recsys("recommend", f"run={run}", "users=[7,0007,12]", "k=1", f"output={out}").code == 0
    assert [row["user"] for row in read(out)] == ["7", "0007", "12"]
    assert all(len(row["item"]) >= 3 for row in read(out))
    result = recsys("recommend", f"run={run}", "users=[007,7]", f"output={out}", "k=1")
    assert result.code == 2 and "1 of 2 users are not in the training data, such as '007'" in result.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names nobody"),
        (b"\n \n", "names nobody"),
        (b"7\n 12\n", "line 2: the user ' 12' begins or ends with white space"),
        (b"7\n\n12\n", "line 2: the user '' is empty"),
        (b"\xff\xfe\x00garbage", "is not a text file with one raw user id per line"),
        (None, "a list of raw ids such as [17,42], or a file with one id per line, received []"),
    ],
)
def test_a_list_of_users_that_is_none_leaves_the_last_recommendations(run, recsys, tmp_path, content, message):
    users, out = tmp_path / "users.txt", tmp_path / "items.csv"
    out.write_text("what was there\n")
    if content is not None:
        users.write_bytes(content)
    result = recsys("recommend", f"run={run}", f"users={'[]' if content is None else users}", f"output={out}", "k=1")
    assert result.code == 2 and message in result.err and "Traceback" not in result.err
    assert out.read_text() == "what was there\n"


def test_numbers_of_a_source_are_found_by_their_plain_spelling():
    assert users_of([17, "42"], np.array([42, 17])).tolist() == [1, 0]


def test_errors_name_users_and_items_as_the_raw_data_do():
    train = CSR.from_pairs(np.array([0, 1]), np.array([0, 1]), 2, 2)
    dataset = Dataset(
        "d", 2, 2, "buy", {"buy": train}, test=train, user_ids=np.array(["ann", "bob"]), item_ids=np.array([70, 80])
    )
    with pytest.raises(IdError, match="such as user ann, item 70. Prepare"):
        evaluate(lambda users: None, dataset, "test", k=[1])
    with pytest.raises(IdError, match=r"^user 1 \(internal id\)$") as found, raw_ids(Dataset("d", 2, 2, "buy", {})):
        raise IdError("{user}", 1)
    assert str(found.value) == "user 1 (internal id)"


def test_training_warns_of_what_auxiliary_behaviours_know_of_the_future(recsys, tmp_path):
    rows = ["ann,x,buy,1", "ann,y,buy,5", "bob,x,buy,1", "bob,z,buy,2", "ann,z,view,6"]
    (tmp_path / "log.csv").write_text("user,item,event,time\n" + "\n".join(rows))
    words = [f"data.path={tmp_path}/log.csv", f"data.cache_dir={tmp_path}/c", "data.behaviours=[view,buy]"]
    words += ["model=popularity", "data=csv", "evaluation.k=[1]", "tensorboard=false", f"runs_dir={tmp_path}/runs"]
    warned = recsys("train", *words)
    assert warned.code == 0 and "warning: 1 pairs of 'view' (100.0%) are at or after the first held-out" in warned.out
    assert "warning" not in recsys("train", *words, "data.cut_auxiliary=true").out
