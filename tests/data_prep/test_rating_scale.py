"""Ratings as values of a declared scale, from a file of one's own."""

from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.data.load import get_dataset

LINES = ["user,item,rating", "a,x,4.5", "a,y,0.5", "b,x,3", "b,y,5", "c,x,2.5"]


def load(tmp_path, *lines, **options):
    path = tmp_path / "stars.csv"
    path.write_text("\n".join([*LINES, *lines]) + "\n")
    options = {"source": "csv", "path": str(path), "cache_dir": str(tmp_path / "cache"), "split": "ratio", **options}
    return get_dataset(options)


def test_half_stars_are_values_in_every_part(tmp_path):
    found = load(tmp_path, rating_scale=[0.5, 5])
    assert found.rating_scale == (0.5, 5)
    values = np.concatenate([found.target_train.values, found.test.values])
    assert sorted(values.tolist()) == [0.5, 2.5, 3, 4.5, 5]
    assert load(tmp_path).rating_scale is None


def test_splits_by_seed_are_of_all_ratings(tmp_path):
    more = [f"u{n},x,{1 + n % 5}" for n in range(20)]
    one, other = (load(tmp_path, *more, split_seed=seed) for seed in (0, 1))
    assert one.test.nnz == other.test.nnz == 5
    assert not np.array_equal(one.test.rows, other.test.rows)


@pytest.mark.parametrize(
    "line, options, sentence",
    [
        ("d,x,6", {"rating_scale": [1, 5]}, "stars.csv, line 3: the rating 0.5 is outside 1 to 5"),
        ("d,x,6", {"rating_scale": [0.5, 5]}, "stars.csv, line 7: the rating 6 is outside 0.5 to 5"),
        ("d,x,good", {}, "stars.csv, line 7: the rating 'good' is not a number"),
        ("d,x,5", {"rating_scale": [5, 1]}, "data.rating_scale=.5, 1.: give the lowest and the highest"),
        ("d,x,5", {"rating_scale": [1, 5], "columns": {"rating": None}}, "the data have no ratings"),
    ],
)
def test_bad_ratings_are_named(tmp_path, line, options, sentence):
    with pytest.raises(UserError, match=sentence):
        load(tmp_path, line, **options)
