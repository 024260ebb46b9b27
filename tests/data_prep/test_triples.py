"""A knowledge graph beside the interactions: of one's own, and what is wrong with it."""

from __future__ import annotations

import pytest

from data_prep.errors import UserError
from data_prep.prepare import prepare
from data_prep.store import read_manifest
from recsys_cli.data.load import get_dataset

LOG = "user;item\nann;dune\nann;emma\nbob;dune\nbob;7\nzoe;emma\nzoe;7\n"


@pytest.fixture
def with_triples(csv_cfg, tmp_path):
    """make(text of the table of triples) -> configuration"""

    def make(text):
        (tmp_path / "triples.csv").write_text(text)
        return csv_cfg(LOG, triples_path=str(tmp_path / "triples.csv"), delimiter=";")

    return make


def test_items_are_entities_by_their_ids(with_triples):
    """Entities that are no items follow the items; relations of any names are numbered; columns are told by the header."""
    dataset = get_dataset(
        with_triples("tail,head,relation\nherbert,dune,by\ntacoma,herbert,born in\n7,emma,like\n07,7,by\n")
    )
    assert dataset.item_ids.tolist() == ["7", "dune", "emma"]
    # entities 3.. are 07, herbert and tacoma; relations born in, by, like
    assert sorted(dataset.graph.triples.tolist()) == [[0, 1, 3], [1, 1, 4], [2, 2, 0], [4, 0, 5]]
    assert (dataset.graph.n_entities, dataset.graph.n_relations) == (6, 3)


def test_what_is_odd_is_counted(with_triples):
    text = "head,relation,tail\ndune,9,dune\ndune,2,a\ndune,2,a\na,2,b\n"
    config = with_triples(text)
    notes = " ".join(read_manifest(prepare(config))["notes"])
    for told in (
        "1 repeated triples",
        "1 triples lead from an entity to itself",
        "2 items are in no triple",
        "1 triples are of",
    ):
        assert told in notes
    assert get_dataset(config).graph.n_relations == 2  # 2 and 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dune,by,herbert\nherbert,in,tacoma\n",
            "triples.csv: no column looks like the head; its columns are dune, by, herbert. Let its first",
        ),
        ("head,relation,tail\n", "triples.csv has a header and no rows"),
        (
            "head,relation,tail\nx,by,y\n",
            "none of its 1 triples has an item at either end.*there, for example, x and y, here 7",
        ),
        ("head,relation,tail\ndune,,y\n", "triples.csv, line 2: the relation is empty"),
        ("head,relation,tail\ndune,by, y\n", "triples.csv, line 2: the tail ' y' begins or ends with white space"),
    ],
)
def test_bad_triples_are_refused(with_triples, text, message):
    with pytest.raises(UserError, match=message):
        prepare(with_triples(text))


def test_a_source_may_tell_no_relations(tiny, raw):
    raw("kg.txt", "0 9 2\n3 9 1\n")
    columns = ["head", "tail", "count"]
    dataset = get_dataset(tiny([{"file": "kg.txt", "form": "integers", "role": "triples", "columns": columns}]))
    assert sorted(dataset.graph.triples.tolist()) == [[0, 0, 4], [3, 0, 4]] and dataset.graph.n_relations == 1
