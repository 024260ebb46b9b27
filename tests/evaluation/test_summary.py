"""Intervals and files of per-user results."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.evaluation.summary import intervals, load_per_user, save_per_user


def test_intervals_have_the_width_of_the_standard_error():
    values = np.random.default_rng(0).normal(2.0, 3.0, 2000)
    out = intervals({"a": values, "b": -values}, 2000, seed=1)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert out["a"].mean == pytest.approx(values.mean())
    assert out["a"].low == pytest.approx(values.mean() - half, abs=half / 10)
    assert out["a"].high == pytest.approx(values.mean() + half, abs=half / 10)
    assert out["b"].low == pytest.approx(-out["a"].high)  # both from the same resamples


def test_intervals_depend_on_seed_and_purpose_only():
    values = {"a": np.arange(20.0)}
    assert intervals(values, 50, 3) == intervals(values, 50, 3)
    assert intervals(values, 50, 3) != intervals(values, 50, 4)
    assert intervals(values, 50, 3) != intervals(values, 50, 3, "other")


def test_no_resamples_no_interval():
    out = intervals({"a": np.array([1.0, 2.0])}, 0, seed=0)["a"]
    assert out.mean == 1.5 and np.isnan(out.low) and np.isnan(out.high)


def test_per_user_results_come_back(tmp_path):
    users = np.array([3, 5], np.int32)
    metrics = {"HR@10": np.array([0.0, 1.0]), "sampled-NDCG@5": np.array([0.1, 1 / 3])}
    save_per_user(tmp_path / "r.npz", users, metrics)
    users_back, back = load_per_user(tmp_path / "r.npz")
    np.testing.assert_array_equal(users_back, users)
    assert list(back) == list(metrics) and all(np.array_equal(back[m], metrics[m]) for m in metrics)


def test_tables_of_per_user_results(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for name, read in [("r.csv", pd.read_csv), ("r.parquet", pd.read_parquet)]:
        save_per_user(tmp_path / name, np.array([3, 5]), {"AUC": np.array([1 / 3, 1.0])})
        frame = read(tmp_path / name)
        assert list(frame) == ["user", "AUC"] and frame.AUC.tolist() == [1 / 3, 1.0]
    with pytest.raises(UserError, match=r"r\.txt"):
        save_per_user(tmp_path / "r.txt", np.array([3]), {"AUC": np.array([1.0])})


def test_damaged_files_are_a_message(tmp_path):
    save_per_user(tmp_path / "r.npz", np.array([3]), {"AUC": np.array([1.0])})
    whole = (tmp_path / "r.npz").read_bytes()
    for part in (b"", b"junk", whole[: len(whole) // 2]):
        (tmp_path / "r.npz").write_bytes(part)
        with pytest.raises(UserError, match="cannot read per-user results"):
            load_per_user(tmp_path / "r.npz")
