"""Plans look at what is here; nothing is downloaded that nobody asked for."""

from __future__ import annotations

import pytest

from data_prep import sources

LACKING = """
seeds: 1
data:
  - {data: beibei, title: Beibei, words: ["data.raw_dir=."]}
rows:
  - {label: MP, model: popularity}
"""


@pytest.fixture
def fetched(monkeypatch):
    """What is asked of the network, and refused."""
    asked = []

    def download(url, path, mismatch, how):
        asked.append(url)
        raise sources.UserError("no network")

    monkeypatch.setattr(sources, "download", download)
    return asked


def test_a_plan_says_what_is_missing_and_downloads_nothing(place, recsys, fetched):
    place.table("lacking", LACKING)
    planned = recsys("reproduce", "table=lacking", "plan=true")
    said = " ".join(planned.out.split())
    assert planned.code == 0 and not fetched
    assert "without Beibei: cart.txt, train.txt, test.txt is not on this machine; it is downloaded once" in said
    assert recsys("reproduce", "list=true").code == 0 and not fetched


def test_what_is_asked_for_is_downloaded_and_what_is_not_is_not(place, recsys, fetched):
    place.table("two", LACKING.replace("rows:", "  - {data: taobao, words: ['data.raw_dir=.']}\nrows:"))
    made = recsys("reproduce", "table=two")
    assert {url.split("/")[-2] for url in fetched} == {"Beibei", "Taobao"} and "no network" in made.out
    fetched.clear()
    recsys("reproduce", "table=two", "data=[Beibei]")
    assert {url.split("/")[-2] for url in fetched} == {"Beibei"}
