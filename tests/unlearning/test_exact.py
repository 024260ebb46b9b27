"""Forgetting gives, byte for byte, the state that training from scratch on the remaining rows gives."""

from __future__ import annotations

import shutil
from itertools import combinations, product

import pytest

from recsys_cli.unlearning.generation import Rows
from tests.unlearning.harness import (
    MODELS,
    contents,
    differing,
    from_scratch,
    log,
    recsys,
    train_run,
    write_pairs,
)

PARTITIONS = ("random", "users", "items", "interactions")
AGGREGATIONS = ("mean", "static", "attention")  # and regression, below
KINDS = ("pairs", "users", "items", "all pairs of a user")
# Every partition with every model; aggregations and kinds of request so that all twos of a case meet.
CASES = [
    (partition, AGGREGATIONS[(p + 2 * m) % 3], model, KINDS[(p + m) % 4])
    for p, partition in enumerate(PARTITIONS)
    for m, model in enumerate(MODELS)
]
# Each takes seconds: a run, a request and a run from scratch.
QUICK_OR_SLOW = [pytest.param(*case, marks=[pytest.mark.slow] * (place > 0)) for place, case in enumerate(CASES)]


def test_the_cases_have_every_two_together():
    for one, other in combinations(range(4), 2):
        choices = [set(case) for case in zip(*CASES)]
        if (one, other) != (1, 3):  # an aggregation sees the remaining rows, not the request
            assert {(c[one], c[other]) for c in CASES} == set(product(choices[one], choices[other]))


def request(kind: str) -> tuple[dict, list[tuple[str, ...]], str]:
    """What `from_scratch` leaves out, and the rows and header of the file that asks for it."""
    train, test = log()
    if kind == "pairs":  # of training, and one that is held out
        pairs = [train[3], train[40], test[2]]
        return {"pairs": pairs}, pairs, "user,item"
    if kind == "all pairs of a user":
        pairs = [pair for pair in train + test if pair[0] == train[10][0]]
        return {"pairs": pairs}, pairs, "user,item"
    name = train[10][0] if kind == "users" else train[10][1]
    return {kind: [name]}, [(name,)], kind[:-1]


@pytest.mark.parametrize("partition, aggregation, model, kind", QUICK_OR_SLOW)
def test_unlearning_equals_training_from_scratch(partition, aggregation, model, kind, tmp_path):
    run = train_run(
        tmp_path,
        "unlearning=sisa",
        "unlearning.shards=2",
        f"unlearning.partition={partition}",
        f"unlearning.aggregation={aggregation}",
        *MODELS[model],
    )
    before, old = Rows.read(run / "current"), contents(run / "current")
    gone, rows, header = request(kind)
    assert (
        recsys(
            "unlearn",
            f"run={run}",
            f"forget={write_pairs(tmp_path / 'forget.csv', rows, header)}",
            "device=cpu",
        )
        == 0
    )
    now = contents(run / "current")
    assert differing(now, old)
    assert differing(now, from_scratch(run, before, tmp_path / "scratch", **gone)) == []


def test_a_regression_too(tmp_path):
    run = train_run(
        tmp_path, "unlearning=sisa", "unlearning.shards=2", "unlearning.aggregation=regression", *MODELS["wmf"]
    )
    before, (gone, rows, header) = Rows.read(run / "current"), request("users")
    words = [f"run={run}", f"forget={write_pairs(tmp_path / 'forget.csv', rows, header)}", "device=cpu"]
    assert recsys("unlearn", *words) == 0
    now = contents(run / "current")
    assert differing(now, from_scratch(run, before, tmp_path / "scratch", **gone)) == []
    assert "aggregation/parameters.npz" in now


def test_however_a_user_and_an_item_lose_their_rows_they_disappear(run, tmp_path):
    """As pairs, or as user and item: the same bytes; and an id without rows never gets into the copy."""
    user, item = log()[0][10]
    pairs = [pair for part in log() for pair in part if pair[0] == user or pair[1] == item]
    requests = {"pairs": [(pairs, "user,item")], "names": [([(user,)], "user"), ([(item,)], "item")]}
    for name, files in requests.items():
        shutil.copytree(run, tmp_path / name, symlinks=True)
        for rows, header in files:
            words = [f"run={tmp_path / name}", f"forget={write_pairs(tmp_path / 'f.csv', rows, header)}"]
            assert recsys("unlearn", *words, "device=cpu") == 0
    states = [contents(tmp_path / name / "current") for name in requests]
    assert differing(*states) == []
    left = Rows.read(tmp_path / "pairs" / "current").dataset
    assert user not in left.user_ids and item not in left.item_ids


@pytest.mark.slow
def test_only_touched_shards_are_trained(tmp_path, monkeypatch):
    from recsys_cli.unlearning import generation

    run = train_run(
        tmp_path,
        "unlearning=sisa",
        "unlearning.shards=4",
        "unlearning.partition=users",
        "unlearning.partition_vectors=random",
        *MODELS["wmf"],
    )
    rows, name = Rows.read(run / "current"), log()[0][0][0]
    user = rows.dataset.user_ids.tolist().index(name)
    trained, real = [], generation.train_shard
    monkeypatch.setattr(
        generation,
        "train_shard",
        lambda path, config, rows, k: trained.append(k) or real(path, config, rows, k),
    )
    assert (
        recsys(
            "unlearn",
            f"run={run}",
            f"forget={write_pairs(tmp_path / 'f.csv', [(name,)], 'user')}",
            "device=cpu",
        )
        == 0
    )
    assert trained == [rows.assignment[rows.pairs.rows == user][0]]


@pytest.mark.slow
def test_a_whole_shard_is_refused_or_shared_out_anew(tmp_path, capsys):
    run = train_run(tmp_path, "unlearning=receraser", "unlearning.shards=2", *MODELS["bpr"])
    rows = Rows.read(run / "current")
    data, own, before = rows.dataset, rows.assignment == 1, contents(run / "current")
    gone = list(
        zip(
            data.user_ids[rows.pairs.rows[own]].tolist(),
            map(str, data.item_ids[rows.pairs.indices[own]].tolist()),
        )
    )
    words = ["unlearn", f"run={run}", f"forget={write_pairs(tmp_path / 'f.csv', gone)}", "device=cpu"]
    assert recsys(*words) == 2
    assert "would empty shard 1 of 2; with repartition=true" in capsys.readouterr().err
    assert contents(run / "current") == before and not list((run / "requests").glob("*"))
    assert recsys(*words, "repartition=true") == 0
    expected = from_scratch(run, rows, tmp_path / "scratch", pairs=gone, repartition=True)
    assert differing(contents(run / "current"), expected) == []


@pytest.mark.slow
def test_shards_in_processes_of_their_own_give_the_same_bytes(tmp_path):
    words = ["unlearning=sisa", "unlearning.shards=3", *MODELS["bpr"]]
    one = train_run(tmp_path, *words, name="one")
    several = train_run(tmp_path, *words, "unlearning.processes=2", name="several")
    assert differing(contents(one / "current"), contents(several / "current")) == []
