"""`recommend` for people without a purchase in training: a list like any other, and a sentence for nobody."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_cli import cli
from tests.tiny import RUN

ROWS = "user,item,behaviour\n" + "".join(f"u{u},i{(u + 3 * k) % 12},buy\n" for u in range(15) for k in range(4))
COLD = "cold,i1,cart\ncold,i2,cart\nu1,i5,cart\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cold")
    (folder / "log.csv").write_text(ROWS + COLD)
    data = [f"data.path={folder / 'log.csv'}", f"data.cache_dir={folder / 'cache'}", "data.split=leave_one_out_random"]
    words = ["data=csv", *data, "data.behaviours=[cart,buy]", "data.target=buy", "model=ehcf", "trainer.epochs=2"]
    assert cli.main(["train", *RUN[2:], *words, "model.embedding_size=4", f"run_dir={folder / 'run'}"]) == 0
    return folder / "run"


def test_someone_without_purchases_has_a_list(recsys, run, tmp_path):
    result = recsys("recommend", f"run={run}", "users=[cold,u3]", "k=5", f"output={tmp_path / 'r.csv'}")
    assert result.code == 0, result.err
    table = pd.read_csv(tmp_path / "r.csv")
    assert table["user"].tolist() == ["cold"] * 5 + ["u3"] * 5
    assert table["item"][:5].nunique() == 5 and table["score"].notna().all()


def test_someone_unknown_is_named(recsys, run, tmp_path):
    result = recsys("recommend", f"run={run}", "users=[cold,nobody]", "k=5", f"output={tmp_path / 'r.csv'}")
    assert result.code == 2 and "1 of 2 users" in result.err and "nobody" in result.err
    assert not (tmp_path / "r.csv").exists()
