"""The membership test sees a planted memory, sees none where there is none, says when it has no power, and fails a
model that kept what it should have forgotten."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning import forget, membership, pool
from recsys_cli.unlearning.audit import Subject, askable, audit, cluster_intervals, popularity_in, verdict
from recsys_cli.unlearning.generation import Rows
from recsys_cli.unlearning.restrict import restricted, shard_of
from tests.unlearning.harness import recsys, train_run, write_pairs

N_USERS, N_ITEMS = 40, 30
RANDOM = np.random.default_rng(0)
LIKES = RANDOM.random((N_USERS, N_ITEMS)) < 0.3
NOISE = RANDOM.random((N_USERS, N_ITEMS))
POPULARITY = LIKES.sum(axis=0)


@pytest.fixture
def data() -> Dataset:
    pairs = CSR.from_pairs(*np.nonzero(LIKES), N_USERS, N_ITEMS)
    ids = {"user_ids": np.arange(N_USERS), "item_ids": np.arange(N_ITEMS)}
    return Dataset("tiny", N_USERS, N_ITEMS, "buy", {"buy": pairs}, **ids)


def subject(scores: np.ndarray, users=None, items=None) -> Subject:
    users = np.arange(N_USERS) if users is None else users
    items = np.arange(N_ITEMS) if items is None else items
    return Subject(lambda ids: scores[np.ix_(users, items)][np.asarray(ids)], users, items)


def asked(data, before, after, retrained, keys=None, popularity=POPULARITY):
    subjects = {"before": before, "after": after, "retrained": retrained}
    subjects = {name: s if isinstance(s, Subject) else subject(s) for name, s in subjects.items()}
    return audit(data, popularity, data.target_train.keys[::3] if keys is None else keys, subjects, seed=0)


def test_memory_is_seen_and_its_absence_too(data):
    found = asked(data, NOISE + LIKES, NOISE, NOISE)
    assert found.auc["before"].mean == 1.0
    assert found.auc["after"].mean == found.auc["retrained"].mean == pytest.approx(0.5, abs=0.1)
    assert verdict(found).startswith("passed: ") and "before - retrained +0.45" in verdict(found)


def test_what_was_kept_is_a_failure(data):
    assert verdict(asked(data, NOISE + LIKES, NOISE + LIKES, NOISE)).startswith("FAILED: ")
    assert verdict(asked(data, NOISE + LIKES, NOISE + 0.3 * LIKES, NOISE)).startswith("FAILED: "), "a part of it"


def test_without_memory_there_is_no_power(data):
    """Another model than the retrained one, also one that is farther from the pairs, does not make any."""
    for before in (NOISE, NOISE - LIKES):
        assert verdict(asked(data, before, NOISE, NOISE)).startswith("no power: ")


def test_the_auc_is_the_share_of_pairs_in_the_right_order(data):
    """Against every never-seen item of the user, weighted by the popularity that is given: that of the remaining data."""
    rare = np.where(np.arange(N_ITEMS) < 10, POPULARITY, 1)
    for popularity in (POPULARITY, rare):
        shares = []
        for u, v in zip(*np.nonzero(LIKES)):
            never = np.flatnonzero(~LIKES[u])
            shares.append(np.average(NOISE[u, v] > NOISE[u, never], weights=popularity[never]))
        subjects = dict.fromkeys(("before", "after", "retrained"), subject(NOISE))
        found = audit(data, popularity, data.target_train.keys, subjects, seed=0).auc["before"]
        assert found.mean == pytest.approx(np.mean(shares), abs=0.02) and found.low < found.mean < found.high


def test_popularity_is_that_of_what_remains(data):
    left = restricted(data, np.arange(1, N_USERS), np.delete(np.arange(N_ITEMS), 5))
    counts = LIKES[1:].sum(axis=0)
    counts[5] = 0
    assert popularity_in(data, left).tolist() == counts.tolist()


def test_ties_count_half_and_popularity_is_no_memory(data):
    popular = np.broadcast_to(POPULARITY.astype(float), LIKES.shape)
    found = asked(data, np.zeros_like(NOISE), popular, popular, data.target_train.keys)
    assert found.auc["before"].mean == 0.5
    assert found.auc["after"].mean == pytest.approx(0.5, abs=0.06)


def test_models_with_fewer_ids(data):
    """A model that no longer knows user 3 and item 5 is asked under its own ids, about what is left."""
    users, items = np.delete(np.arange(N_USERS), 3), np.delete(np.arange(N_ITEMS), 5)
    left, keys = restricted(data, users, items), data.target_train.keys
    rows, cols = keys // N_ITEMS, keys % N_ITEMS
    assert askable(data, left, keys).tolist() == keys[(rows != 3) & (cols != 5)].tolist()
    part = subject(NOISE, users, items)
    found = asked(data, NOISE, part, part, askable(data, left, keys), popularity_in(data, left))
    assert found.auc["before"].mean == found.auc["after"].mean
    assert not len(askable(data, left, keys[rows == 3])) and "nothing to test" in verdict(None)


def test_a_user_who_has_everything_has_no_controls(data):
    everything = LIKES.copy()
    everything[4] = True
    whole = replace(data, train={"buy": CSR.from_pairs(*np.nonzero(everything), N_USERS, N_ITEMS)})
    keys = askable(whole, whole, whole.target_train.keys)
    assert set(keys // N_ITEMS) == set(range(N_USERS)) - {4}


def null_trials(n_trials: int, n_users: int, *, by_pairs: bool = False) -> float:
    """How often the mean of 120 values about 0, alike within a user, is said to be above 0."""
    random, owners, above = np.random.default_rng(1), np.arange(120) % n_users, 0
    for _ in range(n_trials):
        values = random.normal(size=n_users)[owners] + random.normal(size=120)
        clusters = np.arange(120) if by_pairs else owners
        above += cluster_intervals({"x": values}, clusters, random)["x"].low > 0
    return above / n_trials


@pytest.mark.parametrize("n_users", [6, 15])
def test_null_trials_claim_something_as_seldom_as_they_should(n_users):
    """2.5 % of them, and not the 12 % and more that come of taking pairs of one user for independent."""
    assert null_trials(400, n_users) <= 0.05
    assert n_users > 6 or null_trials(60, n_users, by_pairs=True) >= 0.12


def test_few_users_say_nothing(data):
    keys = data.target_train.keys
    found = asked(data, NOISE + LIKES, NOISE + LIKES, NOISE, keys[keys // N_ITEMS < 4])
    assert found.n_clusters == 4 and verdict(found).startswith("no power: the pairs are of 4 users only")


def test_items_are_resampled_where_there_are_fewer_of_them(data):
    keys = data.target_train.keys
    found = asked(data, NOISE + LIKES, NOISE, NOISE, keys[keys % N_ITEMS < 6])
    assert (found.clusters, found.n_clusters) == ("items", 6)


@pytest.fixture(scope="module")
def memorised(tmp_path_factory):
    """A run whose model knows its pairs by heart, and pairs of many users to forget."""
    folder = tmp_path_factory.mktemp("memorised")
    random = np.random.default_rng(0)
    train, test = [], []
    for u in range(24):
        chosen = random.permutation(30)[:9]
        train += [(f"u{u}", f"i{i}") for i in chosen[1:]]
        test.append((f"u{u}", f"i{chosen[0]}"))
    files = [
        f"data.{side}={write_pairs(folder / f'm-{side}.csv', rows)}"
        for side, rows in (("path", train), ("test_path", test))
    ]
    words = ["model=wmf", "model.embedding_size=16", "model.dropout=0", "unlearning.shard_epochs=60"]
    run = train_run(folder, "unlearning=sisa", "unlearning.shards=2", *words, *files)
    return run, write_pairs(folder / "f.csv", train[::4])


def copy_of(run, folder):
    import shutil

    shutil.copytree(run, folder / "run", symlinks=True)
    return folder / "run"


@pytest.mark.slow
def test_an_honest_run_passes_its_audit(memorised, tmp_path, capsys):
    run, report = copy_of(memorised[0], tmp_path), tmp_path / "report.json"
    words = [f"run={run}", f"forget={memorised[1]}", "audit=true", f"report={report}", "device=cpu"]
    assert recsys("unlearn", *words) == 0
    out = capsys.readouterr().out
    assert "audit: trains all shards from scratch without the rows, about " in out and "audit passed: " in out
    said = json.loads(report.read_text())["audit"]
    assert said["auc"]["after - retrained"] == [0, 0, 0] and said["auc"]["before - retrained"][1] > 0.1
    assert not (run / "verifying").exists()


@pytest.mark.slow
def test_old_vectors_that_were_kept_on_purpose_fail_the_audit(memorised, tmp_path, monkeypatch, capsys):
    """The sub-models are left as they were, under the hashes of the new rows."""
    run = copy_of(memorised[0], tmp_path)
    old = Rows.read(run / "current")
    vectors = [load(run / "current" / "shards" / str(k) / "vectors.npz").arrays for k in range(2)]

    def lazy(path, config, rows, shards, say):
        pool.train_shards(path, config, rows, shards, say)
        for k in shards:
            before, now = shard_of(*old, k)[1:], shard_of(*rows, k)[1:]
            sides = zip(("users", "items"), before, now)
            kept = {side: vectors[k][side][np.searchsorted(ids, left)] for side, ids, left in sides}
            save(path / "shards" / str(k) / "vectors.npz", kept, {})

    monkeypatch.setattr(forget, "train_shards", lazy)
    assert membership.train_shards is pool.train_shards
    report = tmp_path / "report.json"
    words = [f"run={run}", f"forget={memorised[1]}", "audit=true", f"report={report}", "device=cpu"]
    assert recsys("unlearn", *words) == 1
    assert "audit FAILED: the model after forgetting still knows the pairs" in capsys.readouterr().out
    assert json.loads(report.read_text())["audit"]["failed"] is True
    assert recsys("unlearn", f"run={run}", "verify=true", "device=cpu") == 1, "and verify finds it by the bytes"
    assert "trained again gives the same bytes: they differ" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_is_trained_where_there_is_nothing_to_test(memorised, tmp_path, monkeypatch, capsys):
    run = copy_of(memorised[0], tmp_path)
    monkeypatch.setattr(membership, "build", None)
    forget_user = write_pairs(tmp_path / "u.csv", [("u3",)], "user")
    assert recsys("unlearn", f"run={run}", f"forget={forget_user}", "audit=true", "device=cpu") == 0
    out = capsys.readouterr().out
    assert "audit nothing to test" in out and "trains all shards" not in out
