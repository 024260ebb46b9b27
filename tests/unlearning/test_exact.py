"""Forgetting gives, byte for byte, the state that training from scratch on the remaining rows gives."""

from __future__ import annotations

from itertools import product

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
AGGREGATIONS = ("mean", "static", "attention")
KINDS = ("pairs", "users", "items")
# Every partition with every aggregation; models and kinds of request in turn, each beside each.
CASES = [
    (*both, list(MODELS)[n % 4], KINDS[(n + n // 4) % 3])
    for n, both in enumerate(product(PARTITIONS, AGGREGATIONS))
]


def request(kind: str) -> tuple[dict, list[tuple[str, ...]], str]:
    """What `from_scratch` leaves out, and the rows and header of the file that asks for it."""
    train, test = log()
    if kind == "pairs":  # of training, and one that is held out
        pairs = [train[3], train[40], test[2]]
        return {"pairs": pairs}, pairs, "user,item"
    name = train[10][0] if kind == "users" else train[10][1]
    return {kind: [name]}, [(name,)], kind[:-1]


@pytest.mark.parametrize("partition, aggregation, model, kind", CASES)
def test_unlearning_equals_training_from_scratch(partition, aggregation, model, kind, tmp_path):
    run = train_run(tmp_path, "unlearning=sisa", "unlearning.shards=2", f"unlearning.partition={partition}",
                    f"unlearning.aggregation={aggregation}", *MODELS[model])
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


def test_only_touched_shards_are_trained(tmp_path, monkeypatch):
    from recsys_cli.unlearning import generation

    run = train_run(tmp_path, "unlearning=sisa", "unlearning.shards=4", "unlearning.partition=users",
                    "unlearning.partition_vectors=random", *MODELS["wmf"])
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


def test_shards_in_processes_of_their_own_give_the_same_bytes(tmp_path):
    words = ["unlearning=sisa", "unlearning.shards=3", *MODELS["bpr"]]
    one = train_run(tmp_path, *words, name="one")
    several = train_run(tmp_path, *words, "unlearning.processes=2", name="several")
    assert differing(contents(one / "current"), contents(several / "current")) == []
