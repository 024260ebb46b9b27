"""The second reader finds the rows of every shard by code of its own, so that a leak in the first does not pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recsys_cli.training.checkpoint import save
from recsys_cli.unlearning import trained_again, whole
from recsys_cli.unlearning.data_copy import arrays_of, digest, write_copy
from recsys_cli.unlearning.restrict import all_pairs, among, restricted, shard_of
from recsys_cli.unlearning.second_reader import SecondReader
from tests.unlearning.conftest import PAIRS, QUICK, verify
from tests.unlearning.harness import recsys, train_run, write_pairs
from tests.unlearning.test_restrict import data  # noqa: F401 - a fixture with everything that a data set may hold


@pytest.mark.parametrize("seed", range(3))
def test_both_readers_agree(data, tmp_path, seed):  # noqa: F811
    """On several behaviours, ratings, friends, triples and features; with all shards but one of any size."""
    pairs = all_pairs(data)
    assignment = np.random.default_rng(seed).permutation(np.arange(pairs.nnz, dtype=np.int16) % 3)
    rows = tmp_path / "rows"
    write_copy(rows / "data", replace(data, item_features=data.user_features and None))
    save(rows / "assignment.npz", {"shard": assignment}, {})
    reader = SecondReader(tmp_path)
    for k in range(3):
        first = shard_of(data, pairs, assignment, k)[0]
        second = reader.shard(k)
        assert second.keys() == arrays_of(first).keys()
        for name, array in arrays_of(first).items():
            assert second[name].dtype == array.dtype and second[name].tolist() == array.tolist(), name
        assert reader.shard_hash(k) == digest(first) and reader.n_pairs(k) == (assignment == k).sum()


def leaky(dataset, pairs, assignment, k):
    """Also gives shard 0 a row of shard 1."""
    own = assignment == k
    if k == 0:
        own[np.flatnonzero(assignment == 1)[0]] = True
    users, items = np.unique(pairs.rows[own]), np.unique(pairs.indices[own])
    part = restricted(dataset, users, items, lambda matrix: among(matrix.keys, pairs.keys[own]), held_out=False)
    return part, users, items


def test_a_leak_in_shard_of_fails(quick, tmp_path, monkeypatch, capsys):
    """Training, its hashes and training again all have it."""
    monkeypatch.setattr(whole, "shard_of", leaky)
    run = train_run(tmp_path, *QUICK)
    code, failed = verify(run, capsys, "verify_shards=all")
    assert code == 1 and len(failed) == 1 and "a second reading of the rows of shard 0" in failed[0]


@pytest.mark.parametrize("which, trained", [("touched", "the touched"), ("one", "one"), ("all", "all")])
def test_which_shards_are_trained_again(run, tmp_path, capsys, monkeypatch, which, trained):
    import json

    seen, real = [], trained_again.train_shards

    def train(path, config, rows, shards, say):
        seen.extend(shards)
        real(path, config, rows, shards, say)

    forget = write_pairs(tmp_path / "f.csv", [PAIRS[0]])
    assert recsys("unlearn", f"run={run}", f"forget={forget}", "device=cpu") == 0
    touched = json.loads((run / "ledger.json").read_text())["touched"]
    assert len(touched) == 1
    monkeypatch.setattr(trained_again, "train_shards", train)
    monkeypatch.setattr(trained_again.secrets, "randbelow", lambda n: (touched[0] + 1) % n)  # never by chance
    words = [] if which == "touched" else [f"verify_shards={which}"]
    capsys.readouterr()
    assert recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words) == 0
    assert seen[:3] == {"touched": touched, "one": seen[:1], "all": [0, 1, 2]}[which]
    assert ("test.json trained again" in capsys.readouterr().out) == (which != "one")
