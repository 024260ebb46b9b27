"""Features of one's own interactions: data.user_features_path, data.item_features_path, data.numbers."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from data_prep.prepare import prepare
from data_prep.store import read_manifest
from recsys_cli.data.load import get_dataset
from tests.data_prep.test_features import by_entity

LOG = "user,item\nann,a\nann,b\nbob,b\nbob,c\n007,a\n007,c\n"
ROWS = "item,field,value\na,genre,drama\na,genre,comedy\na,year,1990\nb,year,2000.5\nb,genre,drama\nz,genre,war\n"
COLUMNS = "item,year,genre\na,1990,drama\nb,2000.5,drama\nc,,\n"


@pytest.fixture
def with_items(csv_cfg, tmp_path):
    """make(text of the table of item features, **options) -> configuration"""

    def make(text, **options):
        (tmp_path / "items.csv").write_text(text)
        return csv_cfg(LOG, item_features_path=str(tmp_path / "items.csv"), **{"numbers": ["year"], **options})

    return make


@pytest.mark.parametrize("text, genres_of_a", [(ROWS, 2), (COLUMNS, 1)], ids=["rows", "columns"])
def test_a_row_for_each_value_or_a_column_for_each_field(with_items, text, genres_of_a):
    features = get_dataset(with_items(text)).item_features
    assert set(features.names) == {"genre", "year"}
    a, b, c = map(sorted, by_entity(features))
    assert [entry[0] for entry in a] == ["genre"] * genres_of_a + ["year"]
    assert a[-1] == ("year", 0, 1990) and b[-1] == ("year", 0, 2000.5) and c == []


def test_strangers_and_missing_fields_are_counted(with_items):
    notes = read_manifest(prepare(with_items(ROWS)))["notes"]
    assert any("1 rows of items.csv name ids without interactions" in note for note in notes)
    assert "1 of 3 items have no 'year'." in notes and "1 of 3 items have no 'genre'." in notes


def test_users_have_features_too(csv_cfg, tmp_path):
    (tmp_path / "users.tsv").write_text("user\tfield\tvalue\n007\tcity\tRome\nann\tcity\tRome\n")
    dataset = get_dataset(csv_cfg(LOG, user_features_path=str(tmp_path / "users.tsv")))
    of = dict(zip(dataset.user_ids.tolist(), by_entity(dataset.user_features)))
    assert of == {"007": [("city", 0, 1)], "ann": [("city", 0, 1)], "bob": []}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (ROWS.replace("2000.5", "old"), {}, "items.csv, line 5: the year 'old' is not a number"),
        (COLUMNS.replace("2000.5", "old"), {}, "items.csv, line 3: the year 'old' is not a number"),
        (ROWS + "b,year,1999\n", {}, "items.csv, line 8: a second number of the field 'year' of the item b"),
        (COLUMNS + "b,1999,war\n", {}, "items.csv, line 5: a second row of the item b. .*table item,field,value"),
        (ROWS, {"numbers": ["yaer"]}, "data.numbers: there is no field 'yaer'. Did you mean 'year'"),
        (
            "item,genre\nx,war\ny,war\n",
            {},
            "none of its 2 rows is of one of the items with interactions.* there, for example, x",
        ),
        ("item,genre\n", {}, "has a header and no rows"),
        ("item,field,value\na,,b\n", {}, "line 2: the field is empty"),
        ("item,field,value\n" + "".join(f"a,f{n},1\n" for n in range(1001)), {}, "has 1,001 fields, such as 'f0'"),
    ],
)
def test_bad_features_of_ones_own(with_items, text, options, message):
    with pytest.raises(UserError, match=message):
        prepare(with_items(text, **options))


def test_a_field_of_as_many_values_as_rows_is_taken(csv_cfg, tmp_path):
    n = 20_000
    (tmp_path / "items.csv").write_text("item,field,value\n" + "".join(f"a,tag,t{k}\n" for k in range(n)))
    features = get_dataset(csv_cfg(LOG, item_features_path=str(tmp_path / "items.csv"))).item_features
    assert features.n_values == n and features.indptr.tolist() == [0, n, n, n]
