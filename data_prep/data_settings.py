"""The settings of a data set: what there is to say of it, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.settings import MANDATORY, Settings, changed, field
from data_prep.split_options import CUTS

SOURCES = ("files", "csv", "synthetic")


@dataclass(frozen=True)
class FileSettings(Settings):
    """Of one of data.files."""

    file: str = field(MANDATORY, "its name, below RAW_DIR/NAME or RAW_DIR")
    form: str = field(MANDATORY, "how it is read: table, lines, integers, candidates, ... (parsing.py)")
    role: str = field(MANDATORY, "what it holds: train, test, friends, item_features, ...")
    behaviour: str | None = field(None, "of the interactions; null: the target")
    validation: str | None = field(None, "of role valid: the name by which data.validation chooses it; null: given")
    columns: dict | list | None = field(None, "as data.columns, of this file alone")
    header: bool = field(False, "of form integers: the first line is no data")
    first_id: int = field(0, "of forms lines and integers", low=0)
    several: dict[str, str] = field({}, "of features: by field, what separates its values within a cell")
    numbers: list[str] = field([], "of features: the fields that are numbers")
    optional: bool = field(False, "the data set does without it")
    path: str | None = field(None, "where it lies, whatever RAW_DIR is")


@dataclass(frozen=True)
class DataSettings(Settings):
    """What every data set has."""

    name: str = field(MANDATORY, "of the data set, in names of files")
    source: str = field(
        "files", "files (a known source), csv (your own) or synthetic (generated)", suggested=SOURCES, fixed=True
    )
    raw_dir: str | None = field(None, "raw files: RAW_DIR/NAME/FILE or RAW_DIR/FILE, each also with .gz")
    cache_dir: str = field("~/.cache/recsys", "of prepared data sets and downloads")
    verify: bool = field(True, "refuse known files whose checksum is not the recorded one; false: a note only")
    behaviours: list[str] | None = field(None, "in causal order; null: those of the file")
    target: str | None = field(None, "the behaviour to predict; null: the last one")
    split: str = field(
        "given",
        "the test part: given (a file), or cut from the target. Of each user's pairs one (leave_one_out: the last where "
        "times are known, else a random one), split_n (last_n) or a share (ratio_per_user: random); of all pairs a random "
        "share (ratio), those from split_time on (time), the last share (time_ratio), a random fold (k_fold) or one of "
        "consecutive rows (row_fold)",
        choices=("given", *CUTS),
    )
    validation: str = field(
        "none",
        "cut from what is left: by the same rules but folds, or the name of one in files",
        suggested=("none", "given", *CUTS),
    )
    split_n: int | None = field(None, "how many of each user, for split=last_n", low=1)
    valid_n: int | None = field(None, "the same for validation=last_n", low=1)
    split_time: str | float | None = field(None, "for split=time: a date such as 2024-05-31 (UTC), or a number")
    valid_time: str | float | None = field(None, "the same for validation=time")
    test_ratio: float = field(0.2, "share, for split=ratio, ratio_per_user and time_ratio", above=0, below=1)
    valid_ratio: float = field(0.1, "share of what is left after the test part, for validation", above=0, below=1)
    folds: int = field(5, "how many parts, for split=k_fold and row_fold", low=2)
    fold: int = field(0, "which of them is the test part: 0, 1, ... folds - 1", low=0)
    cut_auxiliary: bool | None = field(
        None,
        "auxiliary events at or after the held-out part; null: cut at the time of split (validation) =time and "
        "time_ratio, else kept and counted in a note; true: cut at each user's first held-out event as well; false: kept",
    )
    split_seed: int = field(0, "of random cuts", low=0)
    remap_ids: bool = field(False, "number the ids found 0, 1, ... instead of requiring 0..n-1")
    n_users: int | None = field(None, "declared sizes allow ids that never occur; null: ids without gaps", low=1)
    n_items: int | None = field(None, "the same", low=1)
    min_rating: float | None = field(None, "drop interactions with a lower rating")
    rating_scale: list[float] | None = field(
        None, "the lowest and the highest rating, such as [0.5,5]: others are refused; null: those found in train"
    )
    k_core: int = field(0, "keep users and items with at least this many target interactions; 0: all", low=0)
    delimiter: str | None = field(None, "of files of form 'table'; null: found out")
    columns: dict | list | None = field(
        None,
        "of files of form 'table': {user:visitor,item:sku} names some, and the others are found by their usual names; "
        "[user,item,_,rating] without a header; null: by usual names",
    )
    context: list[str] | None = field(
        None,
        "columns of a table, such as [user,weather,weekday], of which each distinct combination is a user, with its "
        "parts as user features",
    )
    user_fields: dict | None = field(
        None,
        "of which parts ids that are joined already are made: {separator:'-',names:[user,weather,weekday]}; with "
        "shared:true parts that are written alike are one value, whatever field they are of",
    )
    item_fields: dict | None = field(None, "the same of items")
    files: list = field([], "each {file:..,form:..,role:..} and what belongs to it (FileSettings in data_settings.py)")
    published: dict = field({}, "counts of the paper, shown beside the measured ones")
    notes: list[str] = field([], "what a reader of results should know")


@dataclass(frozen=True)
class CsvSettings(DataSettings):
    """Of your own tables."""

    # Wider than in the base class: null is filled in (settle.py) before anything reads it.
    name: str | None = changed(DataSettings, "name", None)  # type: ignore[assignment]
    path: str | None = field(
        None,
        "a CSV, TSV or Parquet file, also .gz, or inside a .zip or .tar; - reads standard input. The data set is named "
        "after it where data.name is null",
    )
    test_path: str | None = field(None, "the test part; data.split=null: given with it, else leave_one_out_last")
    valid_path: str | None = field(None, "the validation part; data.validation=null: given with it, else none")
    user_features_path: str | None = field(
        None,
        "a table user,field,value with a row for each value, or of a row for each user with a column for each field",
    )
    item_features_path: str | None = field(None, "the same of items")
    numbers: list[str] = field([], "the fields of users and items that are numbers; all others are words")
    friends_path: str | None = field(None, "a table user,friend: who is whose friend (trusts, follows)")
    triples_path: str | None = field(
        None, "a table head,relation,tail: a knowledge graph, in which items have their ids"
    )
    split: str | None = changed(DataSettings, "split", None)  # type: ignore[assignment]
    validation: str | None = changed(DataSettings, "validation", None)  # type: ignore[assignment]
    form: str | None = field(
        None, "table, or lines (user item item ...); null: found out from the file", choices=("table", "lines")
    )


@dataclass(frozen=True)
class SyntheticSettings(DataSettings):
    """Of generated data."""

    users: int = field(600, "how many", low=1)
    items: int = field(400, "how many", low=1)
    interactions: int = field(8000, "buys, about; carts and views follow", low=1)
    contexts: bool = field(
        False, "choices are made at moments, which have genres of their own: each user at each moment is a user"
    )
    seed: int = field(0, "of the data set", low=0)
    social: float = field(
        0.0, "share of the buys that go by the circle of friends; 0: friends share a genre and no more", low=0, below=1
    )


BY_SOURCE = {"files": DataSettings, "csv": CsvSettings, "synthetic": SyntheticSettings}
