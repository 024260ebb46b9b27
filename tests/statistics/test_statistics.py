"""Tests, corrections and intervals against SciPy, which the program itself does not need, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_cli.statistics import corrections, distributions, paired, spread

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")


def differences(n: int, kind: str = "continuous") -> np.ndarray:
    random = np.random.default_rng(n)
    if kind == "hits":  # of HR: -1, 0, 1
        return random.choice([-1.0, 0.0, 1.0], n, p=[0.12, 0.7, 0.18])
    return random.normal(0.2, 1, n)


@pytest.mark.parametrize("a,b", [(0.5, 0.5), (1, 3), (10, 0.5), (10_000, 0.5), (0.5, 10_000), (3, 500)])
def test_the_incomplete_beta_function_is_that_of_scipy(a, b):
    for x in (0, 1e-9, 0.001, 0.1, 0.5, 0.9, 0.999, 0.99999, 1):
        assert distributions.incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("df", [1, 2, 4, 29, 21_715])
def test_tails_and_quantiles_of_t(df):
    for t in (0.0, 0.3, 2.0, -5.0, 12.0):
        assert distributions.t_tails(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-8)
    assert distributions.t_quantile(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)
    assert distributions.t_tails(np.inf, df) == 0


@pytest.mark.parametrize("n,kind", [(5, "continuous"), (300, "continuous"), (300, "hits")])
def test_the_t_test_is_that_of_scipy(n, kind):
    expected = stats.ttest_1samp(differences(n, kind), 0)
    assert paired.t_test(differences(n, kind)) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


@pytest.mark.parametrize(
    "n,kind,method", [(9, "continuous", "exact"), (50, "continuous", "exact"), (300, "continuous", "approx")]
)
def test_the_signed_rank_test_is_that_of_scipy(n, kind, method):
    expected = stats.wilcoxon(differences(n, kind), correction=False, method=method)
    assert paired.wilcoxon(differences(n, kind)) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_ties_and_zeros_of_the_signed_rank_test():
    values = differences(400, "hits")
    expected = stats.wilcoxon(values[values != 0], correction=False, method="approx")
    assert paired.wilcoxon(values).p == pytest.approx(expected.pvalue, rel=1e-9)


def test_few_differences_are_randomised_exactly():
    assert paired.randomisation(np.array([1.0, 2, 3])).p == pytest.approx(2 / 8)
    assert paired.randomisation(np.array([1.0, -1, 0, 0])).p == 1
    assert paired.randomisation(np.array([0.1] * 5)).p == pytest.approx(2 / 2**5)


@pytest.mark.parametrize("kind", ["continuous", "hits"])
def test_randomisation_is_near_the_t_test_for_many_users_and_the_same_each_time(kind):
    values = differences(500, kind)
    if kind == "continuous":
        values = values - values.mean() + 0.07
    found = paired.randomisation(values, seed=3)
    assert found == paired.randomisation(values, seed=3) != paired.randomisation(values, seed=4)
    assert found.p == pytest.approx(paired.t_test(values).p, abs=0.015) and 0.0005 < found.p < 0.2


def test_p_of_randomisation_is_never_zero():
    assert paired.randomisation(np.ones(1000), resamples=99).p == 0.01


@pytest.mark.parametrize("test", paired.TESTS.values())
def test_nothing_to_tell_apart(test):
    assert test(np.zeros(30)).p == 1
    assert test(np.zeros(0)).p is None


def test_the_same_difference_everywhere_has_no_spread_to_be_measured_by():
    same = np.array([0.1, 0.3 - 0.2, 0.1])  # the same but for rounding
    assert paired.t_test(same).p is None and paired.effect(same).cohen_d is None
    assert paired.effect_over_seeds(same).low == pytest.approx(0.1)


def test_one_seed_says_nothing():
    assert paired.t_test(np.array([0.3])).p is None
    found = paired.effect_over_seeds(np.array([0.3]))
    assert (found.mean, found.low, found.cohen_d) == (0.3, None, None)


def test_the_size_of_an_effect():
    values = differences(400)
    found = paired.effect(values, resamples=2000)
    half = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert found.cohen_d == pytest.approx(values.mean() / values.std(ddof=1))
    hits = paired.effect(np.array([1.0, 1, 0, -1]))
    assert (hits.better, hits.worse, hits.equal, hits.n) == (2, 1, 1, 4)
    seeds = paired.effect_over_seeds(values[:5])
    assert (seeds.low, seeds.high) == pytest.approx(stats.ttest_1samp(values[:5], 0).confidence_interval(0.95))


def test_corrections_by_hand():
    p = [0.01, None, 0.04, 0.03, 0.005]
    assert corrections.holm(p) == pytest.approx([0.03, None, 0.06, 0.06, 0.02])
    assert corrections.benjamini_hochberg(p) == pytest.approx([0.02, None, 0.04, 0.04, 0.02])
    assert corrections.holm([0.6, 0.7]) == [1, 1] and corrections.holm([]) == []


def test_benjamini_hochberg_is_that_of_scipy():
    p = np.random.default_rng(0).uniform(size=40) ** 3
    assert corrections.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_groups_by_count():
    counts = np.array([1, 1, 2, 3, 3, 4, 9, 30])
    groups = spread.groups_by_count(counts, bounds=[2, 4])
    assert groups.names == ["1-2", "3-4", "5 or more"] and groups.sizes().tolist() == [3, 3, 2]
    assert groups.means(counts.astype(float)).tolist() == pytest.approx([4 / 3, 10 / 3, 19.5])
    found = spread.groups_by_count(counts, number=4)
    assert found.sizes().sum() == 8 and len(found.names) == 4 and found.names[-1].endswith("or more")
    for value in np.unique(counts):
        assert len(set(found.of[counts == value])) == 1
    assert spread.groups_by_count(np.full(5, 7)).names == ["all"]
    assert spread.groups_by_count(np.zeros(0, int)).names == ["all"]


def test_percentiles_and_spread_over_seeds():
    assert spread.percentiles(np.arange(101), (5, 50)) == [5, 50]
    assert spread.mean_and_sd([1, 3]) == pytest.approx((2, 2**0.5)) and spread.mean_and_sd([2.0]) == (2, None)
