"""The audit by reference models sees memory where it is, none where it is not, and says so loudly when it is blind."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.audits import attack, trainings
from recsys_cli.audits.attack import people, power, ratios
from recsys_cli.audits.canaries import Canaries, choose, with_pairs, without
from recsys_cli.audits.trainings import Said, halves, interrogate, standardised
from recsys_cli.audits.verdict import BLIND, FAILED, PASSED, floor_bound, judge
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.generation import Rows
from tests.unlearning.conftest import PAIRS
from tests.unlearning.harness import contents, recsys, write_pairs

N_ITEMS, N, K = 100, 400, 8
RANDOM = np.random.default_rng(0)
KEYS = np.sort(RANDOM.choice(60 * N_ITEMS, N, replace=False))
ASKED = RANDOM.random(N) < 0.5
HARD = RANDOM.normal(size=N)  # how high a pair is scored by any model


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch):
    monkeypatch.setattr(attack, "RESAMPLES", 60)


def said_by(shift: float, knows: np.ndarray, seed: int = 1) -> Said:
    """Models whose scores are higher by `shift` where they were trained on the pair; the target was on those of `knows`."""
    random, known = np.random.default_rng(seed), halves(K, N, 0)

    def scores(own) -> np.ndarray:
        return HARD + shift * own + random.normal(size=N)

    floor = np.stack([scores(np.zeros(N)) for _ in range(3)])
    return Said(scores(knows), np.stack([scores(row) for row in known]), known, scores(ASKED), floor)


def outcome(shift: float, knows: np.ndarray, present: int = 0, seed: int = 1):
    return judge(Canaries(KEYS, ASKED, KEYS[ASKED], present, 0), said_by(shift, knows, seed), N_ITEMS, 0)


def test_every_pair_is_in_half_of_the_references():
    assert (halves(8, 50, 0).sum(axis=0) == 4).all() and not np.array_equal(halves(8, 50, 0), halves(8, 50, 1))


def test_a_run_that_forgot_passes_and_one_that_did_not_fails():
    honest = outcome(2.0, np.zeros(N))
    assert honest.outcome == PASSED and honest.target.auc.mean == pytest.approx(0.5, abs=0.1)
    assert honest.control.auc.mean > 0.85 and honest.references.auc.mean > 0.85
    kept = outcome(2.0, ASKED)
    assert kept.outcome == FAILED and "still knows" in kept.sentence
    assert kept.target.caught.mean > 0.1 > honest.target.caught.mean, "also at 1 % false positives"
    assert outcome(2.0, ASKED * (RANDOM.random(N) < 0.7)).outcome == FAILED, "a part of it"
    assert outcome(2.0, np.zeros(N), present=3).outcome == FAILED, "whatever the scores say"


def test_a_control_that_does_not_fire_is_no_pass():
    blind = outcome(0.0, np.zeros(N))
    assert blind.outcome == BLIND and "did not fire" in blind.sentence


def test_honest_runs_are_seldom_blamed():
    assert sum(outcome(2.0, np.zeros(N), seed=seed).outcome == FAILED for seed in range(2, 12)) <= 1


def test_how_high_a_pair_is_scored_anyway_is_no_memory():
    """Scores alone would tell asked pairs from others, where the former are easy; their ratios do not."""
    random, known = np.random.default_rng(3), halves(K, N, 0)
    easy = 3.0 * ASKED
    references = easy + known + 0.3 * random.normal(size=(K, N))
    scores = easy + 0.3 * random.normal(size=N)
    users = KEYS // N_ITEMS
    assert power(scores, ASKED, users, 0).auc.mean > 0.95
    assert power(ratios(scores, references, known), ASKED, users, 0).auc.mean == pytest.approx(0.5, abs=0.1)


def test_rates_are_those_of_their_definition():
    random = np.random.default_rng(0)
    values, members = random.normal(size=500).round(1), random.random(500) < 0.4
    values[members] += 0.8
    found = power(values, members, np.arange(500), 0)
    inside, outside = values[members], values[~members]
    auc = ((inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)).mean()
    assert found.auc.mean == pytest.approx(auc) and found.auc.low < auc < found.auc.high
    at = [(outside >= t).mean() for t in np.unique(values)]
    allowed = [t for t, rate in zip(np.unique(values), at) if rate <= 0.01]
    assert found.caught.mean == pytest.approx(max((inside >= t).mean() for t in allowed))


def test_pairs_of_few_users_give_wide_intervals():
    values, members = RANDOM.normal(size=N) + 2 * ASKED, ASKED
    few, many = power(values, members, np.arange(N) % 3, 0), power(values, members, np.arange(N), 0)
    alike = power(values, members, np.arange(N) // 50, 0)
    assert many.auc.high - many.auc.low < 0.1 and few.auc.mean == many.auc.mean == alike.auc.mean
    one = power(values, members, np.zeros(N, int), 0)
    assert one.auc.high - one.auc.low < 1e-9, "one user cannot be resampled"


def test_persons_who_are_known_are_found_and_others_are_not():
    random, users = np.random.default_rng(0), np.repeat(np.arange(40), 10)
    floor = random.normal(-2, 2, size=(3, 400))
    values = random.normal(-2, 2, size=400)
    values[users < 4] += 4
    found = people(values, floor, users)
    assert found.known[:4].all() and found.known[4:].sum() <= 1 and found.pairs.tolist() == [10] * 40
    assert not people(random.normal(-2, 2, size=400), floor, users).known.any()


def test_the_floor_is_wider_than_what_was_seen_and_not_below_chance():
    assert floor_bound([0.50, 0.52, 0.51]) > 0.52 and floor_bound([0.3, 0.31, 0.3]) == 0.5


def test_scores_are_standardised_by_user():
    scores = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    found = standardised(lambda ids: scores[np.asarray(ids)], np.array([2, 5]), 3)
    assert found.tolist() == pytest.approx([1.2247, 1.2247], abs=1e-3)


def data() -> Dataset:
    mask = np.random.default_rng(0).random((12, 9)) < 0.4
    pairs = CSR.from_pairs(*np.nonzero(mask), 12, 9)
    ids = {"user_ids": np.arange(12), "item_ids": np.arange(9)}
    return Dataset("tiny", 12, 9, "buy", {"buy": pairs}, **ids)


def test_what_is_tested_beside_never_was():
    dataset = data()
    keys = dataset.target_train.keys
    gone, asked = keys[::2], keys[1::4]
    run = Dataset(
        "t", 12, 9, "buy", {"buy": without(dataset.target_train, gone)}, user_ids=np.arange(12), item_ids=np.arange(9)
    )
    rows = [(str(key // 9), str(key % 9)) for key in gone] + [("99", "1")]
    found = choose(run, ("pairs", rows), 1000, 0)
    assert set(found.keys[found.asked]) <= set(gone) and found.gone == 1 and found.present == 0
    assert not set(found.keys[~found.asked]) & set(keys)
    assert choose(run, ("pairs", [(str(k // 9), str(k % 9)) for k in asked]), 1000, 0).present == len(asked)
    assert choose(run, ("users", [("3",)]), 10, 0).present == run.target_train.row_lengths[3]
    with pytest.raises(UserError, match="nothing to test"):
        choose(run, ("users", [("99",)]), 10, 0)


def test_models_are_trained_on_what_is_said_and_not_twice(tmp_path, monkeypatch):
    dataset = data()
    rows = Rows.of(dataset, np.arange(dataset.target_train.nnz) % 3)
    content = ("pairs", [(str(k // 9), str(k % 9)) for k in dataset.target_train.keys[::3]])
    canaries, seen = choose(dataset, content, 1000, 0), []

    def trained(folder, config, rows, say=None):
        keys, own = rows.dataset.target_train.keys, rows.pairs.keys
        seen.append((config.seed, set(canaries.keys) & set(keys)))
        place = np.searchsorted(dataset.target_train.keys, own)
        old = np.isin(own, dataset.target_train.keys) & ~np.isin(own, canaries.everything)
        assert (rows.assignment[old] == place[old] % 3).all(), "other rows stay in their shards"
        return SimpleNamespace(scorer=lambda: lambda ids: np.eye(12, 9)[np.asarray(ids)])

    monkeypatch.setattr(trainings, "from_scratch", trained)
    config = OmegaConf.create({"seed": 5})
    scorer = trained(None, config, rows).scorer()
    seen.clear()
    said = interrogate(tmp_path, config, rows, scorer, canaries, 4, 2, 0, lambda line: None)
    for (seed, had), known in zip(seen[:4], said.known):
        assert had == set(canaries.keys[known]) and seed != 5
    assert seen[4] == (5, set(canaries.keys[canaries.asked])), "the control has all that was asked for"
    assert [had for _, had in seen[5:]] == [set(), set()] and len({seed for seed, _ in seen}) == 7
    again = interrogate(tmp_path, config, rows, scorer, canaries, 4, 2, 0, lambda line: None)
    assert len(seen) == 7 and np.array_equal(again.references, said.references)


def test_pairs_are_taken_out_and_put_in():
    pairs = data().target_train
    assert np.array_equal(with_pairs(without(pairs, pairs.keys[2:5]), pairs.keys[2:5]).keys, pairs.keys)


def test_a_blind_audit_ends_with_a_code_and_leaves_the_run_as_it_is(forgotten, tmp_path, capsys):
    """Made-up vectors hold no memory of a pair, so that the control cannot fire."""
    before = contents(forgotten)
    words = [f"run={forgotten}", f"forget={write_pairs(tmp_path / 'f.csv', PAIRS)}", f"out={tmp_path / 'audit'}"]
    assert recsys("unlearn", "audit", *words, "plan=true") == 0 and not (tmp_path / "audit").exists()
    assert recsys("unlearn", "audit", *words, "models=4", "retrainings=2", "device=cpu") == 1
    assert "audit WITHOUT POWER: the positive control did not fire" in capsys.readouterr().out
    assert contents(forgotten) == before
    facts = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert facts["outcome"] == BLIND and facts["pairs"] == len(PAIRS)
    rows = list(csv.DictReader((tmp_path / "audit" / "people.csv").read_text().splitlines()))
    assert {row["user"] for row in rows} == {user for user, _ in PAIRS}
    assert recsys("unlearn", "audit", *words, "models=6", "device=cpu") == 2, "another audit in the same folder"
    assert recsys("unlearn", "audit", *words, "models=5", "device=cpu") == 2
