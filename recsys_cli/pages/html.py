"""HTML that is escaped by construction: whatever is not `Html` already is text, and stays text."""

from __future__ import annotations

import re
from html import escape
from typing import Any

# Control characters, which no XML may hold, and those that turn the direction of writing, by which a name can lie.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
VOID = ("meta", "br", "hr", "col")


class Html(str):
    """Markup, put into a page as it is."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Any value as text of a page; markup stays as it is, None is empty."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else escape(printable(value)))


def printable(value: Any) -> str:
    """Text without characters that cannot be shown; they become the replacement character."""
    return UNPRINTABLE.sub("\ufffd", str(value))


def element(tag: str, *children: Any, **attributes: Any) -> Html:
    """<tag name="value">children</tag>; class_="best" gives class, None and False leave an attribute out."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(printable(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{tag}{given}>" + ("" if tag in VOID else f"{join(*children)}</{tag}>"))


def join(*children: Any) -> Html:
    return Html("".join(map(text, children)))
