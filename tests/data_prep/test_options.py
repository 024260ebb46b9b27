from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.options import prepared_directory, read_options

TRAIN = {"file": "train.txt", "form": "lines", "role": "train"}


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
        ({"files": ["train.txt"]}, r"data.files\[0\]='train.txt': a file is a mapping such as {file: train.txt"),
        ({"files": [{"file": "a", "form": "lines"}]}, r"data.files\[0\]={.*} lacks 'role'"),
        ({"files": [TRAIN | {"behavior": "buy"}]}, r"'data.files\[0\].behavior'. Did you mean 'behaviour'"),
        ({"files": [TRAIN | {"several": {"genres": 1}}]}, r"data.files\[0\].several: expected a mapping"),
        ({"files": [TRAIN | {"role": "tests"}]}, r"role of train.txt='tests' is not known. Did you mean 'test'"),
    ],
)
def test_senseless_options_are_refused_before_any_file_is_read(tiny, changes, message):
    with pytest.raises(UserError, match=message):
        read_options(tiny(**changes, raw_dir="/nowhere"))


def test_csv_needs_a_path_and_a_test_part():
    with pytest.raises(UserError, match="data.path="):
        read_options({"name": "csv", "source": "csv"})
    with pytest.raises(UserError, match="data.test_path="):
        read_options({"name": "csv", "source": "csv", "path": "x.csv", "split": "given"})


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": 5}, "data.columns=5: give a mapping such as"),
        ({"columns": "user"}, "data.columns='user': give a mapping"),
        ({"columns": {"item": 3}}, "give a mapping"),
        ({"columns": {"usr": "a"}}, "data.columns names 'usr'. Did you mean 'user'"),
        ({"columns": {"user": "a", "item": "a"}}, "the column 'a' is named twice"),
        ({"columns": ["user", "item", "user"]}, "'user' is listed twice"),
        ({"n_users": 3}, "data.n_users=3 is for data.source=files, not for this one .csv, whose users"),
        ({"split": "time"}, "data.split=time needs data.split_time=...: from when on"),
        ({"split": "time", "split_time": "yesterday"}, "needs data.split_time=yesterday: from when on"),
        ({"split_time": "2024-05-31"}, "data.split_time=2024-05-31 is for data.split=time"),
        ({"split": "last_n"}, "data.split=last_n needs data.split_n=...: how many"),
        ({"split": "last_n", "split_n": 0}, "needs data.split_n=0"),
        ({"validation": "last_n", "split_n": 2}, "data.split_n=2 is for data.split=last_n"),
        ({"validation": "time", "valid_time": None}, "data.validation=time needs data.valid_time"),
        ({"validation": "k_fold"}, "folds are for data.split"),
        ({"split": "k_fold", "fold": 5}, "data.fold=5, data.folds=5"),
        ({"split": "row_fold", "fold": 5}, "data.fold=5, data.folds=5"),
        ({"split": "time_ratio", "test_ratio": 0}, "data.test_ratio=0: a share between"),
        ({"split": "leave_one_out_last", "test_path": "t.csv"}, "has its own test part"),
        ({"path": "-", "test_path": "-"}, "- can be read only once"),
    ],
)
def test_options_of_ones_own_data_that_make_no_sense(changes, message):
    with pytest.raises(UserError, match=message):
        read_options({"name": "mine", "source": "csv", "path": "x.csv", "split": None, "validation": None, **changes})


@pytest.mark.parametrize("changes", [{"min_rating": 3}, {"k_core": 5}, {"columns": {"user": "u"}}, {"path": "x.csv"}])
def test_options_that_a_source_would_ignore_are_refused(changes):
    cfg = {"name": "s", "source": "synthetic", "behaviours": ["buy"], "split": "ratio", **changes}
    with pytest.raises(UserError, match="not for this one .synthetic"):
        read_options(cfg)


def test_what_null_stands_for_in_data_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def options(path="sub/my ratings.v2.csv.gz", **more):
        return read_options({"source": "csv", "path": path, "name": None, "split": None, "validation": None, **more})

    found = options()
    assert (found["name"], found["split"], found["validation"]) == ("my-ratings.v2", "leave_one_out_last", "none")
    assert found["path"] == str(tmp_path / "sub/my ratings.v2.csv.gz")  # as it holds from any folder
    found = options(test_path="t.csv", valid_path="v.csv")
    assert (found["split"], found["validation"]) == ("given", "given")
    assert found["notes"][0] == "t.csv is the test part (data.split=given)."
    assert options(name="mine")["name"] == "mine" and options("-")["name"] == "stdin"
    assert options("a.zip/r.csv")["name"] == "r" and options("~/r.csv")["path"] == "~/r.csv"
