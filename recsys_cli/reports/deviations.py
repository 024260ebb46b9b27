"""What the source of a model says of itself: its equation, its paper, and where it departs from them. Read, not run."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from data_prep.errors import UserError
from data_prep.files import read_file
from recsys_cli.config.library import PACKAGE

OURS = re.compile(r"recsys_cli\.models\.(\w+)\.\w+")


class About(NamedTuple):
    """text: of the file of the model, without the deviations. deviations: each as one line."""

    text: str
    deviations: list[str]


def about_model(target: str) -> About | None:
    """None for a model of one's own, whose file is not ours to look for."""
    found = OURS.fullmatch(target)
    if not found:
        return None
    try:
        source = read_file(PACKAGE / "models" / f"{found[1]}.py").decode()
        text = ast.get_docstring(ast.parse(source)) or ""
    except (OSError, ValueError, SyntaxError, UserError):
        return None
    before, _, after = text.partition("\nDeviations:\n")
    items = re.split(r"(?m)^\d+\. ", after)[1:]
    return About(before.strip(), [" ".join(item.split()) for item in items])
