"""Pages are whole, escaped, load nothing, and have the same bytes each time."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from recsys_cli.pages import canvas, figures
from recsys_cli.pages.figures import Series
from recsys_cli.pages.html import VOID, Html, element, text
from recsys_cli.pages.page import Cell, bullets, details, facts, figure, marks, page, paragraph, section, table

HOSTILE = "</td><script>alert(1)</script>\" onload='x' &amp; $\\frac{1}$ \x00\x1b[31m\u202egpj.exe _"


ARGUMENTS = ([Series(HOSTILE, [1, 2], [0.1, 0.2])], HOSTILE, HOSTILE)


class Checker(HTMLParser):
    """Every tag that is opened is closed, in order; what would load something is kept."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.loads, self.tags, self.text = [], [], [], []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._look(attributes)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self._look(attributes)

    def _look(self, attributes):
        for name, value in attributes:
            assert not name.startswith("on"), f"a handler: {name}"
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
                self.loads += [] if value.startswith(("#", "data:image/png;base64,")) else [value]
            if "url(" in (value or ""):
                self.loads += [u for u in re.findall(r"url\((.*?)\)", value) if not u.startswith("#")]

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.open and not checker.loads and "script" not in checker.tags
    assert len(checker.ids) == len(set(checker.ids))
    assert "@import" not in html and not re.search(r"(src|href)=.?https?:", html)
    return checker


def all_figures() -> list[figures.Figure]:
    x, y = [1, 2, 3], [0.1, 0.3, 0.2]
    both = [
        Series(HOSTILE, x, y, [0.0, 0.2, 0.1], [0.2, 0.4, 0.3]),
        Series("_b", x, y),
        Series("said", [2], [0.2], points=True),
    ]
    grouped = [Series(s.name, [f"{HOSTILE}{n}" for n in s.x], s.y, s.low, s.high) for s in both[:2]]
    settings = {"rate": [0.001, 0.1, 0.01], HOSTILE: ["bpr", None, "bce"], "same": [1, 1, 1]}
    return [
        figures.lines(both, "epoch", HOSTILE, title=HOSTILE, log_x=True),
        figures.lines(grouped, "group", "HR@10"),
        figures.bars(grouped, "group", "HR@10"),
        figures.bars(grouped[:1], "setting", "importance", horizontal=True),
        figures.heat_map(np.array([[1.0, np.nan], [3, 4]]), ["a", HOSTILE], [1, 2], x="cart", y="view", value="HR@10"),
        figures.scatter(both[:2], "seconds", "HR@10", log_x=True),
        figures.parallel(settings, y, "HR@10", lower=True),
    ]  # fmt: skip


def whole_page() -> str:
    rows = [[HOSTILE, Cell(HOSTILE, "best", HOSTILE), 0.5], ["b", Cell(0.1, "second"), None]]
    return page(
        HOSTILE,
        section(HOSTILE, table(["run", HOSTILE, "value"], rows, caption=HOSTILE, texts=[1]), facts({HOSTILE: HOSTILE})),
        section("Figures", *(figure(drawn, HOSTILE) for drawn in all_figures())),
        section("Notes", paragraph(HOSTILE, mark="warning"), bullets([HOSTILE]), details(HOSTILE, paragraph("x"))),
        about=HOSTILE,
    )


@pytest.fixture(scope="module")
def html() -> str:
    pytest.importorskip("matplotlib")
    return whole_page()


def test_a_page_is_well_formed_loads_nothing_and_keeps_what_strangers_wrote_as_text(html):
    found = checked(html)
    assert found.tags.count("svg") == 7 and "<script>alert(1)</script>" in "".join(found.text)
    assert "\x00" not in html and "\x1b" not in html and "\u202e" not in html
    assert 'content="width=device-width' in html and "default-src &#x27;none&#x27;" in html


def test_bytes_are_the_same_each_time():
    pytest.importorskip("matplotlib")
    first, again = figures.lines(*ARGUMENTS), figures.lines(*ARGUMENTS)
    assert figure(first) == figure(again) and first.png == again.png and first.png[:4] == b"\x89PNG"


def test_figures_alone_are_whole_and_say_nothing_of_when_and_by_what(tmp_path):
    from xml.etree import ElementTree

    pytest.importorskip("matplotlib")
    drawn = figures.scatter(*ARGUMENTS, title=HOSTILE)
    files = figures.save(drawn, tmp_path / "figure_4.8")
    assert [f.name for f in files] == ["figure_4.8.svg", "figure_4.8.png"]
    ElementTree.fromstring(files[0].read_text())
    assert "dc:date" not in drawn.svg and "Matplotlib" not in drawn.svg and b"Matplotlib" not in drawn.png


def test_names_that_begin_with_an_underscore_or_hold_a_dollar_are_in_the_legend(html):
    words = "".join(checked(html).text)
    assert "_b" in words and "$\\frac{1}$" in words


def test_without_matplotlib_there_is_a_page_and_one_sentence(monkeypatch):
    monkeypatch.setattr(canvas, "find_spec", lambda name: None)
    assert all_figures() == [None] * 7 and figures.save(None, None) == []
    html = whole_page()
    assert html.count("recsys[plots]") == 1 and "svg" not in checked(html).tags


def test_what_is_not_markup_is_text():
    assert text("<b>") == "&lt;b&gt;" and text(Html("<b>")) == "<b>" and text(None) == ""
    assert element("p", "a", class_='"x"', id=None) == '<p class="&quot;x&quot;">a</p>'


def test_best_and_second():
    assert marks([0.1, 0.3, None, 0.3, 0.2, float("nan")]) == ["", "best", "", "best", "second", ""]
    assert marks([1.0, 2.0], lower=True) == ["best", "second"]
    assert marks([0.2, 0.2]) == ["", ""], "nothing is better than what is as good"
