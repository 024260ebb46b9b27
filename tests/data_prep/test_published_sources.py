"""The known sources as they are: counts of the prepared data sets. Needs the raw files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from data_prep.options import read_options
from data_prep.prepare import prepare
from data_prep.statistics import format_report
from data_prep.store import read_manifest
from recsys_cli.data.load import load_prepared

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(path.stem for path in (CONFIGS / "data").glob("[!_]*.yaml"))


def compose_data(*overrides):
    with initialize_config_dir(str(CONFIGS), version_base=None):
        return compose(overrides=[f"+data={overrides[0]}", *(f"++{word}" for word in overrides[1:])]).data


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")

    def run(name, *overrides):
        raw_dir = os.environ.get("RECSYS_RAW_DIR")
        if not raw_dir or not (Path(raw_dir) / name).is_dir():
            pytest.skip(f"the raw files of {name} are not here: set RECSYS_RAW_DIR to the folder that holds {name}/")
        path = prepare(compose_data(name, f"data.cache_dir={cache}", *overrides))
        return load_prepared(path), read_manifest(path)

    return run


def sizes(dataset):
    held = [part.nnz if part is not None else 0 for part in (dataset.valid, dataset.test)]
    return dataset.n_users, dataset.n_items, {b: csr.nnz for b, csr in dataset.train.items()}, *held


EXPECTED = {
    ("ciao",): (7267, 11211, {"interaction": 118396}, 14800, 14799),
    ("lastfm_social",): (1880, 4489, {"interaction": 42135}, 0, 10533),
    ("delicious",): (1521, 1202, {"interaction": 5873}, 1679, 838),
    ("epinions_tang",): (20355, 30738, {"interaction": 426275}, 53278, 53284),
    ("beibei",): (21716, 7977, {"cart": 642622, "buy": 282860}, 0, 21716),
    ("taobao",): (48749, 39493, {"cart": 193747, "buy": 211022}, 0, 48749),
    ("taobao_15449",): (15449, 11953, {"view": 873954, "cart": 195476, "buy": 92180}, 0, 15449),
    ("taobao_15449", "data.validation=mule"): (
        (15449, 11953, {"view": 873954, "cart": 195476, "buy": 92180 - 15449}, 15449, 15449)
    ),
    ("frappe",): (29770, 4082, {"interaction": 92808}, 0, 3387),
    ("ml-100k",): (943, 1682, {"interaction": 80000}, 0, 20000),
    ("ml-1m_ratings",): (6040, 3706, {"interaction": 800167}, 0, 200042),
    ("ml-1m_loo",): (6040, 3706, {"interaction": 994169}, 0, 6040),
    ("ml-1m_ncf",): (6040, 3706, {"interaction": 994169}, 0, 6040),
    ("ml-1m_receraser",): (6040, 3706, {"interaction": 720152}, 0, 200041),
    ("ml-1m_receraser", "data.validation=rest"): (6040, 3706, {"interaction": 720152}, 80016, 200041),
}


@pytest.mark.parametrize("overrides", EXPECTED, ids="+".join)
def test_counts(load, overrides):
    assert sizes(load(*overrides)[0]) == EXPECTED[overrides]


def test_held_out_buys_that_auxiliary_behaviours_know(load):
    assert load("beibei")[1]["statistics"]["test"]["in_auxiliary"] == {"cart": 13525}
    assert load("taobao")[1]["statistics"]["test"]["in_auxiliary"] == {"cart": 8326}
    assert load("taobao")[1]["statistics"]["test"]["items_unseen"] == 1451
    assert "13,525 of the 21,716 test pairs (62.3%) are in 'cart'" in format_report(load("beibei")[1])
    assert "data.behaviours=[view,cart,buy] adds it" in format_report(load("beibei")[1])


@pytest.mark.parametrize(("name", "count"), [("lastfm_social", 25226), ("delicious", 10400), ("epinions_tang", 308439)])
def test_friends(load, name, count):
    assert load(name)[0].friends.nnz == count


def test_ciao_trust_and_cold_users(load):
    dataset, manifest = load("ciao")
    assert dataset.friends.nnz == 111603 and manifest["statistics"]["repeated_friends"] == 178
    assert manifest["statistics"]["valid"]["users_unknown"] == 28
    assert manifest["statistics"]["test"]["users_unknown"] == 22
    assert manifest["statistics"]["test"]["items_unseen"] == 0


def test_ncf_candidates_and_ratings(load):
    dataset, manifest = load("ml-1m_ncf")
    assert dataset.test_negatives.shape == (6040, 99)
    assert manifest["statistics"]["lists_with_the_test_item"] == 156
    known = dataset.target_train.contains(np.repeat(dataset.test.rows, 99), dataset.test_negatives.ravel())
    assert not known.any()
    assert dataset.item_ids[0] == 1193  # the first movie of ratings.dat


def test_movielens_raw_ids(load):
    dataset, _ = load("ml-1m_loo")
    assert dataset.user_ids[[0, -1]].tolist() == [1, 6040] and dataset.item_ids[[0, -1]].tolist() == [1, 3952]


def test_the_contexts_of_frappe_are_users_with_features(load):
    dataset, _ = load("frappe")
    assert (dataset.user_features.n_values, dataset.item_features.n_values) == (1298, 4084)
    assert np.bincount(dataset.user_features.fields).tolist() == [957, 7, 7, 2, 3, 9, 80, 233]
    assert (np.diff(dataset.user_features.indptr) == 8).all() and (np.diff(dataset.item_features.indptr) == 2).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_is_valid_and_documented(name):
    overrides = ["data.path=some.csv"] if name == "csv" else []
    options = read_options(compose_data(name, *overrides))
    assert options["name"] == ("some" if name == "csv" else name)
    opening = (CONFIGS / "data" / f"{name}.yaml").read_text().split("defaults:")[0]
    assert opening.startswith("# ") and "Counts:" in opening
    assert any(word in opening for word in ("licence", "terms"))


def test_the_default_data_set_is_prepared_from_nothing(tmp_path):
    dataset = load_prepared(prepare(compose_data("synthetic", f"data.cache_dir={tmp_path}")))
    assert dataset.behaviours == ("view", "cart", "buy") and dataset.target == "buy"
    assert dataset.valid.nnz > 500 and dataset.test.nnz == 600 and dataset.friends.nnz and dataset.graph
    assert dataset.user_features and dataset.item_features
