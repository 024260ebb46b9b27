"""One self-contained HTML page out of blocks: nothing is loaded from anywhere, and it reads without scripts.

    page("Two runs", paragraph("..."), section("Results", table(["run", "HR@10"], [["a", Cell("0.05", "best")]])))

Whatever is handed in is text and is escaped, save for what these functions gave.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from recsys_cli.pages.figures import INSTALL, Figure
from recsys_cli.pages.html import Html, element, join, text
from recsys_cli.pages.style import CSS, GRID, INK

# No script runs and nothing is fetched, whatever a page should come to hold.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
NOT_DRAWN = Html("<!-- a figure that was not drawn -->")


class Cell(NamedTuple):
    """mark: how it stands out: best, second, good, bad, soft. note: small print behind the value."""

    value: Any
    mark: str = ""
    note: str = ""


def page(title: str, *blocks: Html, about: Any = "", footer: Any = "") -> str:
    """about: a line below the title. Sections become the links at the top where there are several."""
    body = join(*blocks)
    sections = re.findall(r'<section id="([\w-]+)"><h2>(.*?)</h2>', body)
    links = [element("a", Html(name), href=f"#{place}") for place, name in sections]
    missing = [element("p", INSTALL, class_="soft")] if NOT_DRAWN in body else []
    head = join(
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", title),
        element("style", Html(CSS)),
    )
    parts = [
        element("header", element("h1", title), element("p", about, class_="soft") if about else ""),
        element("nav", *links) if len(links) > 2 else "",
        *missing,
        element("main", body),
        element("footer", footer) if footer else "",
    ]
    return "<!DOCTYPE html>\n" + element("html", element("head", head), element("body", *parts), lang="en") + "\n"


def section(title: str, *blocks: Any) -> Html:
    place = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
    return element("section", element("h2", title), *blocks, id=place)


def heading(title: str) -> Html:
    return element("h3", title)


def paragraph(*parts: Any, mark: str | None = None) -> Html:
    """mark: soft or warning."""
    return element("p", *parts, class_=mark)


def bullets(lines: Iterable[Any]) -> Html:
    items = [element("li", line) for line in lines]
    return element("ul", *items) if items else Html("")


def facts(values: Mapping[str, Any]) -> Html:
    """Names and what they are, one below the other."""
    return element("dl", *(part for k, v in values.items() for part in (element("dt", k), element("dd", v))))


def code(words: Any) -> Html:
    return element("code", words)


def listing(lines: str) -> Html:
    return element("pre", element("code", lines))


def details(summary: str, *blocks: Any) -> Html:
    """Folded away until it is asked for."""
    return element("details", element("summary", summary), *blocks)


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "", texts: Sequence[int] = ()) -> Html:
    """The first column names the rows. texts: other columns that hold words rather than numbers."""
    words = {0, *texts}
    head = [element("th", name, scope="col", class_="text" if n in words else None) for n, name in enumerate(header)]
    body = [element("tr", *(_cell(n, value, words) for n, value in enumerate(row))) for row in rows]
    title = element("caption", element("span", caption)) if caption else ""  # it stays when the table is scrolled
    # tabindex: a table that is wider than the screen can be scrolled with the keyboard.
    inner = element("table", title, element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", inner, class_="scroll", tabindex="0")


def marks(values: Sequence[float | None], lower: bool = False) -> list[str]:
    """ "best" for the best of these values, those as good included, "second" for the next, "" for the others."""
    there = sorted({v for v in values if v is not None and v == v}, reverse=not lower)
    if len(there) < 2:
        return [""] * len(values)
    return ["best" if v == there[0] else "second" if v == there[1] else "" for v in values]


def figure(drawn: Figure | None, caption: Any = "") -> Html:
    """An image inside of the page; None (there is no matplotlib) leaves a sentence at the top of the page."""
    if drawn is None:
        return NOT_DRAWN
    return element("figure", inline(drawn), element("figcaption", caption) if caption else "")


def figures(*found: Html) -> Html:
    """Beside one another where there is room."""
    return element("div", *found, class_="figures")


def inline(drawn: Figure) -> Html:
    """The SVG as a part of a page: letters and lines in the colours of the page, ids that no other figure has."""
    import hashlib

    start = drawn.svg.index("<svg")
    prefix = "f" + hashlib.sha256(drawn.svg.encode()).hexdigest()[:10]
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", drawn.svg[start:])
    svg = svg.replace(INK, "currentColor").replace(GRID, "var(--line)").replace("fill: #ffffff", "fill: none", 1)
    return Html(svg.replace("<svg ", f'<svg role="img" aria-label="{text(drawn.about)}" ', 1).strip())


def _cell(column: int, value: Any, words: set[int]) -> Html:
    cell = value if isinstance(value, Cell) else Cell(value)
    note = element("small", " ", cell.note) if cell.note else ""
    if column == 0:
        return element("th", cell.value, note, scope="row")
    names = " ".join(filter(None, ["text" if column in words else "", cell.mark]))
    return element("td", cell.value, note, class_=names or None)
