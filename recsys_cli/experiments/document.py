"""What a table or figure has to tell, once, to be written as Markdown and as a page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from recsys_cli.pages.canvas import Figure

MARKED = {"second": "<u>{}</u>"}  # in Markdown: underlined, as on the page; other marks only colour what the words say


class Shown(NamedTuple):
    """A cell: a value, how it stands out (recsys_cli/pages/page.py), and small print."""

    value: str
    mark: str = ""
    note: str = ""


class Table(NamedTuple):
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    texts: Sequence[int] = ()


class Lines(NamedTuple):
    lines: Sequence[str]


class Drawing(NamedTuple):
    """file: its name without ending, beside the page."""

    drawn: Figure | None
    file: str
    caption: str = ""


class Part(NamedTuple):
    title: str
    blocks: Sequence[str | Table | Lines | Drawing]


class Document(NamedTuple):
    title: str
    about: str
    parts: Sequence[Part]

    def markdown(self) -> str:
        lines = [f"# {self.title}", "", self.about, ""]
        for part in self.parts:
            lines += [f"## {part.title}", ""]
            for block in part.blocks:
                lines += [*_markdown(block), ""]
        return "\n".join(lines).rstrip() + "\n"

    def html(self) -> str:
        from recsys_cli.pages.page import page, section

        sections = [section(part.title, *map(_html, part.blocks)) for part in self.parts]
        return page(self.title, *sections, about=self.about)


def sentence(text: str | None) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _markdown(block: str | Table | Lines | Drawing) -> list[str]:
    if isinstance(block, str):
        return [block]
    if isinstance(block, Lines):
        return [f"- {line}" for line in block.lines]
    if isinstance(block, Drawing):
        return [f"![{block.caption}]({block.file}.svg)"] if block.drawn else []
    head = [block.caption, ""] if block.caption else []
    lines = [block.header, ["---", *("---" if n in block.texts else "---:" for n in range(1, len(block.header)))]]
    return [*head, *("| " + " | ".join(map(_cell, line)) + " |" for line in (*lines, *block.rows))]


def _cell(value: Any) -> str:
    if not isinstance(value, Shown):
        return str(value).replace("|", "\\|")
    text = MARKED.get(value.mark, "{}").format(value.value)
    return f"{text} ({value.note})" if value.note else text


def _html(block: str | Table | Lines | Drawing):
    from recsys_cli.pages import page

    if isinstance(block, str):
        return page.paragraph(block)
    if isinstance(block, Lines):
        return page.bullets(block.lines)
    if isinstance(block, Drawing):
        return page.figure(block.drawn, block.caption)
    rows = [[page.Cell(*value) if isinstance(value, Shown) else value for value in row] for row in block.rows]
    return page.table(block.header, rows, block.caption, block.texts)
