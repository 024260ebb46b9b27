from __future__ import annotations

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepare import prepare
from recsys_cli.data.dataset import CSR
from recsys_cli.data.load import find_prepared, get_dataset, load_prepared


@pytest.fixture(scope="module")
def cfg(tmp_path_factory):
    return {
        "name": "synthetic",
        "source": "synthetic",
        "behaviours": ["view", "buy"],
        "target": "buy",
        "split": "leave_one_out",
        "validation": "leave_one_out",
        "cache_dir": str(tmp_path_factory.mktemp("cache")),
        "users": 12,
        "items": 40,
        "interactions": 60,
        "seed": 0,
    }


@pytest.fixture(scope="module")
def prepared(cfg):
    return prepare(cfg)


def test_arrays_are_mapped_and_consistent(cfg):
    dataset = get_dataset(cfg)
    assert isinstance(dataset.target_train.indices, np.memmap) and not dataset.target_train.indices.flags.writeable
    for csr, columns in ((dataset.train["view"], 40), (dataset.target_train, 40), (dataset.friends, 12)):
        assert csr.n_rows == 12 and csr.n_cols == columns and csr.indptr[-1] == len(csr.indices)
        again = CSR.from_pairs(csr.rows, csr.indices, 12, columns)
        np.testing.assert_array_equal(again.indptr, csr.indptr)
        np.testing.assert_array_equal(again.indices, csr.indices)
    assert not dataset.target_train.contains(dataset.test.rows, dataset.test.indices).any()
    assert not dataset.valid.contains(dataset.test.rows, dataset.test.indices).any()
    assert len(dataset.content_hash) == 64


def test_the_same_seed_gives_the_same_content(cfg, tmp_path):
    first = get_dataset(cfg).content_hash
    assert get_dataset({**cfg, "cache_dir": str(tmp_path)}).content_hash == first
    assert get_dataset({**cfg, "seed": 1}).content_hash != first


def test_one_flipped_bit_anywhere_is_refused_with_the_name_of_the_file(prepared):
    rng = np.random.default_rng(0)
    for path in sorted(prepared.iterdir()):
        whole = path.read_bytes()
        step = 23 if path.name == "manifest.json" else max(1, len(whole) // 9)
        for place in [*range(0, len(whole), step), len(whole) - 1]:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=f"{path.name} was changed or is damaged.*Delete the directory"):
                load_prepared(prepared)
        path.write_bytes(whole)
    load_prepared(prepared)


@pytest.mark.parametrize("change", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:-1])])
def test_missing_and_cut_files_are_refused(cfg, tmp_path, change):
    cfg = {**cfg, "cache_dir": str(tmp_path)}
    get_dataset(cfg)
    path = next((tmp_path / "prepared").iterdir()) / "test.indices.npy"
    change(path)
    with pytest.raises(UserError, match="test.indices.npy was changed or is damaged"):
        get_dataset(cfg)


def test_without_validation_damage_of_the_file_form_is_still_refused(prepared):
    path = prepared / "test.indices.npy"
    whole = path.read_bytes()
    path.write_bytes(b"x" + whole[1:])
    with pytest.raises(UserError, match="test.indices.npy was changed"):
        load_prepared(prepared, validate=False)
    path.write_bytes(whole)
    assert load_prepared(prepared, validate=False).test.nnz == 12


def test_a_prepared_data_set_is_found_by_its_content(cfg, tmp_path):
    for seed in (0, 1):
        path = prepare({**cfg, "cache_dir": str(tmp_path), "seed": seed})
        found = load_prepared(path).content_hash
        assert find_prepared(tmp_path, "synthetic", found) == path
        assert find_prepared(tmp_path, "other", found) is None
    (path / "manifest.json").write_text("{}")
    assert find_prepared(tmp_path, "synthetic", found) is None
    assert find_prepared(tmp_path / "nowhere", "synthetic", found) is None
