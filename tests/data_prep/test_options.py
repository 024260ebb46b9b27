from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.options import prepared_directory, read_options


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../x"}, r"data.name='../x'"),
        ({"source": "file"}, r"data.source='file' is not known. Did you mean 'files'"),
        ({"behaviours": ["carts", "buy"]}, r"data.behaviours='carts' is not known. Did you mean 'cart'"),
        ({"behaviours": ["a/b", "buy"]}, r"only letters, digits"),
        ({"behaviours": []}, r"data.behaviours=\[\]"),
        ({"target": "by"}, r"data.target='by' is not in .* Did you mean 'buy'"),
        ({"split": "ratio"}, r"has its own test part"),
        ({"validation": "leave_one_out_lst"}, r"Did you mean 'leave_one_out_last'"),
        ({"validation": "ratio", "valid_ratio": 1.0}, r"data.valid_ratio=1.0: a share between 0 and 1"),
        ({"k_core": 5}, r"data.k_core=5 would change a given test part"),
    ],
)
def test_senseless_options_are_refused_before_any_file_is_read(tiny, changes, message):
    with pytest.raises(UserError, match=message):
        read_options(tiny(**changes, raw_dir="/nowhere"))


def test_csv_needs_a_path_and_a_test_part():
    with pytest.raises(UserError, match="data.path="):
        read_options({"name": "csv", "source": "csv"})
    with pytest.raises(UserError, match="data.test_path="):
        read_options({"name": "csv", "source": "csv", "path": "x.csv"})


def test_hydra_nodes_are_as_good_as_dicts(tiny):
    assert read_options(OmegaConf.create(tiny())) == read_options(tiny())


def test_the_directory_depends_on_bytes_and_options_and_not_on_places(tiny):
    def directory(sums=(("train.txt", "aa"),), **changes):
        return prepared_directory(read_options(tiny(**changes)), [list(row) for row in sums]).name

    assert directory() == directory(raw_dir="/elsewhere", verify=False)
    names = {
        directory(),
        directory((("train.txt", "bb"),)),
        directory(split_seed=1),
        directory(behaviours=["buy"]),
    }
    assert len(names) == 4 and all(name.startswith("tiny-") for name in names)
