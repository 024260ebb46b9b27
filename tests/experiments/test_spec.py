"""Every table and figure that is shipped can be read; mistakes in one's own are said in a sentence."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from recsys_cli.config.library import Library, library, shipped
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.published import folder, read_published
from recsys_cli.experiments.spec import GROUPS, read
from recsys_cli.experiments.states import all_experiments

SHIPPED = Library((shipped(),))
NAMES = [(group, name) for group in GROUPS for name in SHIPPED.choices(group)]


@pytest.mark.parametrize(("group", "name"), NAMES)
def test_what_is_shipped_fits_the_published_numbers_and_the_ledger(group, name):
    experiment = read(group, name, SHIPPED)
    Ledger(SHIPPED).of(experiment)
    numbers = read_published(experiment.settings.published)
    there = numbers.data
    ours = {source.published for source in experiment.sources if source.published}
    if there:
        assert ours | set(experiment.settings.unavailable) >= there, "every published data set is named"
        assert ours <= there
    if experiment.settings.kind in ("results", "seconds"):
        labels = {row for number in numbers.numbers for row in (number.row, number.model)}
        for row in experiment.rows:
            names = {f"{group} {row.published or row.label}".strip() for group in ("", row.group)}
            names |= {f"{source.group} {row.published or row.label}" for source in experiment.sources}
            assert row.extra or names & labels, f"{row.label} is not in {experiment.settings.published}"


def test_every_published_number_is_in_a_table():
    used = {experiment.settings.published for experiment in all_experiments(SHIPPED)}
    assert {path.stem for path in folder().glob("*.csv")} <= used


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rows: [{label: A, model: bpr}, {label: A, model: enmf}]", "'A' stands there twice"),
        ("rows: [{modle: bpr}]", "unknown key 'modle'. Did you mean 'model'?"),
        ("rows: [BPR]", "is no mapping of label, model"),
        ("like: table/0.0", "like=table/0.0 is no other table or figure"),
        ("kind: setting\nrows: [{model: bpr}]", "needs an axis"),
        ("nodes: []", "unknown key"),
    ],
)
def test_mistakes_are_named(place, text, complaint):
    place.table("mine", f"data: [{{data: synthetic}}]\n{text}\n")
    with pytest.raises(UserError, match=complaint.replace("?", r"\?")):
        read("table", "mine", library())


def test_rows_of_another_table_are_taken_by_their_label(place):
    place.table("one")
    place.table("two", "like: table/one\nrows: [ENMF]\nkind: epochs\n", "figure")
    found = read("figure", "two", library())
    assert [row.label for row in found.rows] == ["ENMF"] and found.rows[0].own
    assert found.sources == read("table", "one", library()).sources and found.settings.seeds == 2
