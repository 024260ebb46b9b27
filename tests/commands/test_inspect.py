from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsys_cli.models.ehcf import EHCF
from recsys_cli.unlearning.aggregation import Table, build_aggregation
from recsys_cli.unlearning.settings import UnlearningSettings
from tests.commands.conftest import TINY
from tests.tiny import dataset

MASK = np.eye(6, 4)


def test_what_feeds_a_behaviour_has_shares_that_sum_to_one():
    data = dataset(view=MASK, cart=MASK, buy=MASK)
    model = EHCF(EHCF.Settings(name="ehcf", embedding_size=4), data, 0)
    (columns,) = model.explain(np.array([0])).values()
    found = pd.DataFrame(columns)
    assert found[["from", "to"]].values.tolist() == [["view", "cart"], ["view", "buy"], ["cart", "buy"]]
    assert found.groupby("to")["share"].sum().tolist() == pytest.approx([1, 1], abs=1e-5)
    assert EHCF(EHCF.Settings(name="ehcf", embedding_size=4), dataset(buy=MASK), 0).explain(np.array([0])) == {}


@pytest.mark.parametrize("kind", ["attention", "static", "mean"])
def test_shards_that_know_a_user_share_the_weight(kind):
    from omegaconf import OmegaConf

    random = np.random.default_rng(0)
    there = random.random((6, 3)) < 0.7
    there[:, 0] = True
    users = Table(random.normal(size=(6, 3, 4)).astype(np.float32), there)
    items = Table(random.normal(size=(4, 3, 4)).astype(np.float32), np.ones((4, 3), bool))
    settings = OmegaConf.create(vars(UnlearningSettings()) | {"aggregation": kind, "absent": "zero"})
    found = pd.DataFrame(
        build_aggregation(settings, dataset(buy=MASK), 0, users, items).explain(np.array([4, 2]))["shards"]
    )
    if kind == "attention":
        assert found.user.tolist() == [4] * there[4].sum() + [2] * there[2].sum()
        assert found.groupby("user").attention.sum().tolist() == pytest.approx([1, 1])
    else:
        assert found.weight.tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.slow
def test_the_command_shows_raw_ids_and_writes_tables(recsys, tmp_path):
    run = tmp_path / "run"
    words = [w for w in TINY if not w.startswith("data.items")]
    assert recsys("train", *words, "model=ehcf", "~tuned", f"run_dir={run}").code == 0
    result = recsys("inspect", f"run={run}", f"output={tmp_path / 't.csv'}")
    assert result.code == 0 and "transfer\nfrom" in result.out, result.err
    assert list(pd.read_csv(tmp_path / "t.csv").columns) == ["from", "to", "length", "cosine", "share"]
    assert "has the tables transfer" in recsys("inspect", f"run={run}", "table=x").err
    assert "not in the training data" in recsys("inspect", f"run={run}", "users=[nobody]").err


def test_a_model_that_has_nothing_to_tell_says_so(recsys, trained):
    result = recsys("inspect", f"run={trained}")
    assert result.code == 2 and "nothing to tell" in result.err and "recsys recommend" in result.err
