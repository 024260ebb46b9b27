"""A stream of requests: who asks when, what each way costs, the same after a kill, and the run stays as it is."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.commands.stream import StreamSettings
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.models.base import Factors
from recsys_cli.streams import approximate, ways
from recsys_cli.streams import measure as measuring
from recsys_cli.streams.approximate import Summed, build_with, conjugate_gradients
from recsys_cli.streams.asked import asked
from recsys_cli.streams.clock import Batch, batches, waiting
from recsys_cli.streams.left import emptied, remaining, seen_by
from recsys_cli.streams.measure import measure
from recsys_cli.streams.points import in_lists
from recsys_cli.streams.spam import Attack
from recsys_cli.streams.table import times_retraining
from recsys_cli.unlearning.copies import Copy, read_source
from tests.unlearning.harness import contents, recsys, train_run, write_pairs

ARRIVED = np.array([1.0, 2.0, 3.0, 10.0, 11.0, 30.0])


def test_a_batch_is_full_or_waits_no_longer_and_ends_where_models_are_scored():
    assert batches(ARRIVED, 2, None, [6]) == [Batch(0, 2, 2.0), Batch(2, 4, 10.0), Batch(4, 6, 30.0)]
    assert batches(ARRIVED, 2, None, [3]) == [Batch(0, 2, 2.0), Batch(2, 3, 3.0), Batch(3, 5, 11.0), Batch(5, 6, 30.0)]
    assert batches(ARRIVED, 3, 5.0, [6]) == [Batch(0, 3, 3.0), Batch(3, 5, 15.0), Batch(5, 6, 35.0)]


def test_who_comes_while_the_machine_works_waits():
    waited, summary = waiting(ARRIVED, [Batch(0, 2, 2.0), Batch(2, 3, 3.0)], [4.0, 1.0])
    assert waited.tolist() == [5.0, 4.0, 4.0], "done at 6 and, after the first, at 7"
    assert (summary.most, summary.total) == (5.0, 5.0)


MASK = np.random.default_rng(0).random((20, 12)) < 0.4
MASK[:, 0] = True


@pytest.fixture
def data() -> Dataset:
    pairs = CSR.from_pairs(*np.nonzero(MASK), *MASK.shape)
    test = CSR.from_pairs(*np.nonzero(~MASK & (np.arange(12) == 7)), *MASK.shape)
    ids = {"user_ids": np.array([f"u{n}" for n in range(20)]), "item_ids": np.array([f"i{n:02}" for n in range(12)])}
    return Dataset("tiny", *MASK.shape, "buy", {"buy": pairs}, test=test, **ids)


def settings(**values) -> StreamSettings:
    return StreamSettings(**({"run": "-"} | values))


def test_core_users_have_the_most_pairs_and_edge_users_the_fewest(data):
    counts = dict(zip(data.user_ids, MASK.sum(axis=1)))
    for kind, order in (("core", sorted(counts.values())[::-1]), ("edge", sorted(counts.values()))):
        found = asked(settings(requests=kind, number=4), data).requests
        assert sorted(counts[rows[0][0]] for _, rows in found) == sorted(order[:4]) and len(found) == 4
    once, again, other = (asked(settings(seed=seed), data).requests for seed in (0, 0, 1))
    assert once == again != other and len(once) == 1, "5 % of 20 users"


def test_users_withdraw_what_they_had_of_some_items(data, tmp_path):
    items = write_pairs(tmp_path / "items.csv", [("i03",), ("i05",)], "item")
    stream = asked(settings(requests="sensitive", items=items, share=1), data)
    assert {rows[0][0]: len(rows) for _, rows in stream.requests} == {
        f"u{n}": int(count) for n, count in enumerate(MASK[:, [3, 5]].sum(axis=1)) if count
    }
    assert stream.watched == ["i03", "i05"]
    with pytest.raises(UserError, match="items=FILE"):
        asked(settings(requests="sensitive"), data)


def test_a_file_is_asked_row_by_row(data, tmp_path):
    table = "uid,iid,val\nu7,i00,5\nu3,i00,1\nu7,i01,2\nnobody,i00,1\n"
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(table.encode()))
    stream = asked(settings(requests=str(tmp_path / "f.csv.gz")), data)
    assert stream.requests == [("users", [("u7",)]), ("users", [("u3",)])] and stream.passed_over == 1
    pairs = asked(settings(requests=str(tmp_path / "f.csv.gz"), unit="pair"), data)
    assert pairs.requests[0] == ("pairs", [("u7", "i00")])


@pytest.mark.parametrize(
    "content, said",
    [
        ("a,b\n1,2\n", "one must be called user or item"),
        ("user\n", "no rows"),
        ("user,item\nu1\n", "row 2"),
        ("", "no rows"),
    ],
)
def test_a_file_that_is_no_table_of_ids_is_refused(data, tmp_path, content, said):
    (tmp_path / "f.csv").write_text(content)
    with pytest.raises(UserError, match=said):
        asked(settings(requests=str(tmp_path / "f.csv")), data)
    with pytest.raises(UserError, match=r"no such file \(random, core"):
        asked(settings(requests="rondom"), data)


def test_scores_of_a_model_of_all_data_are_read_by_the_ids_that_are_left(data):
    requests = [("users", [("u2",)]), ("pairs", [("u4", "i00")])]
    left, whole = remaining(data, requests), emptied(data, requests)
    assert left.n_users == 19 and whole.n_users == 20 and left.target_train.nnz == whole.target_train.nnz
    scores = np.arange(20 * 12.0).reshape(20, 12)
    read = seen_by(lambda ids: scores[np.asarray(ids)], data, left)
    kept = [n for n, user in enumerate(data.user_ids) if user in left.user_ids]
    items = [n for n, item in enumerate(data.item_ids) if item in left.item_ids]
    assert np.array_equal(read(np.arange(19)), scores[np.ix_(kept, items)])


def test_what_is_watched_is_found_in_lists(data):
    """User 0 is recommended everything by id from the end; i00 was forgotten of users 0 and 1."""
    requests = [("pairs", [("u0", "i00"), ("u1", "i00")])]
    left = remaining(data, requests)
    scores = np.tile(np.arange(12.0), (20, 1))
    scores[1, 0] = 100
    watched = CSR.from_pairs([0, 1], [0, 0], left.n_users, left.n_items)
    model = Factors(tf.constant(scores, tf.float32), tf.eye(12))
    found = in_lists(model, left, watched, [1, 12])
    assert found["1"]["share"] == 0.5 and found["1"]["most"] == 1 and found["12"]["share"] == 1.0
    assert in_lists(model, left, CSR.from_pairs([], [], left.n_users, left.n_items), [1]) == {}


@pytest.fixture
def no_training(monkeypatch):
    for module in (measuring, approximate):
        monkeypatch.setattr(module, "train_model", lambda folder, config, model: model)


def stream(run, out, **values):
    said: list[str] = []
    chosen = {"requests": "random", "unit": "pair", "number": 6, "points": [50, 100], "batches": [1, 2]}
    return measure(settings(run=str(run), out=str(out), **chosen | values), said.append), said


def told(found) -> list:
    return [
        (r.way, r.batch, r.share, r.n, r.point.metrics, r.point.watched, [s.shards for s in r.spent])
        for r in found.rows
    ]


@pytest.mark.slow
def test_a_stream_leaves_the_run_as_it_is_and_is_the_same_after_a_kill(run, no_training, tmp_path, monkeypatch):
    before = contents(run)
    whole, _ = stream(run, tmp_path / "whole")
    assert contents(run) == before
    assert [(r.way, r.batch, r.n) for r in whole.rows] == [
        (way, size, n) for size in (1, 2) for way in ("retrain", "sisa-3") for n in (3, 6)
    ]
    by_size = {r.batch: r for r in whole.rows if r.way == "sisa-3" and r.share == 100}
    assert len(by_size[1].spent) == 6 and len(by_size[2].spent) == 4, "a batch ends where it is scored"
    assert by_size[1].point.metrics == by_size[2].point.metrics, "the same rows are gone"
    assert not list((tmp_path / "whole").rglob("rows")), "copies are gone"
    retrained = next(r for r in whole.rows if (r.way, r.batch, r.share) == ("retrain", 2, 100))
    ratio = by_size[2].waiting.total / retrained.waiting.total
    assert float(times_retraining(by_size[2], whole.rows)) == pytest.approx(ratio, abs=0.006)
    assert times_retraining(retrained, whole.rows) == ""

    real, calls = ways._write, []

    def killed(*words):
        calls.append(words)
        if len(calls) == 4:
            raise KeyboardInterrupt  # when the third batch is carried out and not kept yet
        real(*words)

    monkeypatch.setattr(ways, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        stream(run, tmp_path / "cut")
    monkeypatch.setattr(ways, "_write", real)
    cut, _ = stream(run, tmp_path / "cut")
    assert told(cut) == told(whole)
    assert [s.recorded for s in next(r for r in cut.rows if r.way == "sisa-3" and r.n == 6).spent] == [
        False, False, True, False, False, False,
    ]  # fmt: skip
    again, said = stream(run, tmp_path / "cut")
    assert told(again) == told(whole) and len(said) == 1, "nothing is done twice"
    with pytest.raises(UserError, match=r"holds another stream \(seed was 0, is 1\)"):
        stream(run, tmp_path / "cut", seed=1)


def test_a_folder_with_anything_else_is_not_written_into(run, no_training, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="no folder of a stream"):
        stream(run, tmp_path / "mine")


def test_a_batch_that_was_cut_off_is_timed_from_its_beginning(run, tmp_path):
    (tmp_path / "way").mkdir()
    ways.OfRun(tmp_path / "way", run)
    partial = tmp_path / "way" / "run" / "generations" / "1.partial"
    partial.mkdir()
    ways.OfRun(tmp_path / "way", run)
    assert not partial.exists() and (partial.parent / "0").exists()


def test_rows_that_are_gone_already_cost_nothing(run, tmp_path):
    copy = Copy(run)
    user = str(copy.rows.dataset.user_ids[0])
    assert copy.forget([("users", [(user,)])]).shards >= 1 and copy.state == 1
    assert copy.forget([("users", [(user,)])]) is None and copy.state == 1


@pytest.mark.slow
def test_approximate_ways_are_said_to_be_not_exact(run, no_training, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["number=2", "points=[100]", "batches=[2]", "unit=pair", "ways=[finetune,ascent]", "ascent_steps=1"]
    assert recsys("unlearn", "stream", f"run={run}", f"out={out}", *words, "device=cpu") == 0
    rows = list(csv.DictReader((out / "stream.csv").read_text().splitlines()))
    assert {row["way"]: row["exact"] for row in rows} == {
        "finetune": "False", "ascent": "False",
    }  # fmt: skip
    assert capsys.readouterr().out.count("NOT exact") == 2
    assert "NOT exact: finetune, ascent." in (out / "stream.html").read_text()
    for way in ("finetune", "ascent"):
        assert recsys("unlearn", "verify", f"run={out / way / 'batch-2'}") == 2
        assert "a method that is NOT exact" in capsys.readouterr().err
    assert not list(out.rglob("parameters*")), "none of them stays"
    assert json.loads((out / "stream.json").read_text())["seed"] == 0


@pytest.mark.slow
def test_what_pairs_add_to_the_loss_falls_when_they_are_taken_out(run, data):
    """The gradient of the difference of two data sets is that of the forgotten pairs: zero where nothing was forgotten,
    and along it their scores fall."""
    config = OmegaConf.merge(read_source(run).config, {"model": {"dropout": 0.5}})
    model = build_with(config, data, build_state(config, data))
    arrays = {name: v.numpy() for name, v in model.state().items()}
    forgotten = [("pairs", [("u4", "i00")])]
    known, rest = Summed(config, data, arrays), Summed(config, emptied(data, forgotten), arrays)
    theta = rest.parameters()
    difference = known.gradient(theta) - rest.gradient(theta)
    rows = {name: a.shape for name, a in arrays.items()}
    touched = np.flatnonzero(np.abs(difference) > 1e-6)
    assert 0 < len(touched) <= 2 * config.model.embedding_size, f"the vectors of one user and one item, of {rows}"

    def score(state):
        return float(build_with(config, data, state).scorer()(np.array([4], np.int32))[0, 0])

    assert score(rest.state(theta + 0.05 * difference)) < score(rest.state(theta))
    step = 1e-2
    unit = difference / np.linalg.norm(difference)
    again = Summed(config, replace(data, name="again"), arrays)
    assert np.allclose(again.gradient(theta + step * unit), known.gradient(theta + step * unit)), "no dropout"


def build_state(config, data):
    from recsys_cli.training.build import build_model

    random = np.random.default_rng(0)
    model = build_model(config.model, data, 0)
    return {name: random.normal(0, 0.5, v.shape).astype(np.float32) for name, v in model.state().items()}


def test_conjugate_gradients_solve_and_stop_at_negative_curvature():
    random = np.random.default_rng(0)
    root = random.normal(size=(6, 6))
    matrix, b = root @ root.T + np.eye(6), random.normal(size=6)
    assert np.allclose(conjugate_gradients(lambda v: matrix @ v, b, 20, 1e-9), np.linalg.solve(matrix, b))
    assert not conjugate_gradients(lambda v: -v, b, 5).any()


def test_spam_users_are_put_in_and_have_what_they_push(data):
    attack = Attack(settings(requests="spam", number=3), data)
    pushed = attack.stream.watched
    assert len(attack.profiles) == 3 and all(set(pushed) <= set(items) for items in attack.profiles.values())
    counts = dict(zip(data.item_ids, MASK.sum(axis=0)))
    assert max(counts[item] for item in pushed) <= np.median(MASK.sum(axis=0)) and "i00" not in pushed
    assert attack.stream.requests[0] == ("users", [("spam-0",)])
    with pytest.raises(UserError, match="friends"):
        Attack(settings(requests="spam"), replace(data, friends=data.target_train))


def test_spam_is_trained_into_a_run_of_its_own(run, no_training, tmp_path):
    before = contents(run)
    found, _ = stream(
        run, tmp_path / "spam", requests="spam", unit="user", number=2, batches=[1], points=[100], share=0.1
    )
    assert contents(run) == before and [row.n for row in found.rows] == [2, 2]
    users = found.sources[0].dataset.user_ids.tolist()
    assert {"spam-0", "spam-1"} <= set(users) and found.sources[0].config.unlearning.shards == 3
    listed = found.rows[-1].point.watched["3"]
    assert listed["users"] == len(users) - 2 and 0 <= listed["share"] <= 1, "of the real users"


@pytest.mark.slow
def test_an_exact_run_is_what_retraining_gives(tmp_path):
    """Rows taken out of counts: the same metrics, lists and groups as a model made of the rest."""
    run = train_run(tmp_path, "unlearning=exact", "model=item_knn", "model.neighbours=4")
    found, _ = stream(run, tmp_path / "out", batches=[6], points=[100])
    here, there = found.rows
    assert (here.way, there.way, there.exact, len(there.spent)) == ("retrain", "exact-1", True, 1)
    assert here.point.metrics == there.point.metrics and here.point.watched == there.point.watched
    with pytest.raises(UserError, match="ways=influence needs a loss over all pairs"):
        stream(run, tmp_path / "more", ways=["influence"])
    with pytest.raises(UserError, match="ways=finetune needs a loss to train on"):
        stream(run, tmp_path / "more", ways=["finetune"])
    assert not (tmp_path / "more").exists()
