"""The paper that figures are drawn on: matplotlib without its global state, saved with the same bytes each time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from recsys_cli.pages.html import printable
from recsys_cli.pages.style import MATPLOTLIB

WIDTH = 5.8  # inches: still readable on a phone
LONGEST = 48  # characters of a label


class Figure:
    """svg: a file that stands alone. png: the same. about: what it shows, for those who cannot see it."""

    def __init__(self, paper: Any, about: str):
        self._paper, self.about = paper, about

    @cached_property
    def svg(self) -> str:
        buffer = io.StringIO()
        self._save(buffer, "svg", {"Date": None, "Creator": None, "Type": None})
        return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"

    @cached_property
    def png(self) -> bytes:
        buffer = io.BytesIO()
        self._save(buffer, "png", {"Software": None})
        return buffer.getvalue()

    def _save(self, buffer: io.IOBase, kind: str, metadata: dict[str, None]) -> None:
        import matplotlib

        with matplotlib.rc_context(MATPLOTLIB), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a name in letters that the font lacks
            self._paper.savefig(buffer, format=kind, dpi=150, metadata=metadata)


class Result:
    figure: Figure


def installed() -> bool:
    return find_spec("matplotlib") is not None


def spaced(label: Any) -> str:
    """A label as it is drawn: shortened, one line, and not taken for one to be hidden (those that begin with _)."""
    line = " ".join(printable(label).split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return f" {line}" if line.startswith("_") else line


@contextmanager
def drawing(about: str, title: str = "", height: float = 3.6) -> Iterator[tuple[Any, Result]]:
    """Axes to draw on; when the block ends, the result has the figure."""
    import matplotlib
    from matplotlib.figure import Figure as Paper

    result = Result()
    with matplotlib.rc_context(MATPLOTLIB):
        paper = Paper(figsize=(WIDTH, height), layout="constrained")
        axes = paper.add_subplot()
        if title:
            axes.set_title(spaced(title))
        yield axes, result
        result.figure = Figure(paper, about)
